// Options that jemalloc looks up by this name. The outcomes of a chip fill gigabytes, whose pages of
// 4 KiB cost more than what is written to them on some machines: ask the kernel for pages of 2 MiB.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "thp:always";
}
