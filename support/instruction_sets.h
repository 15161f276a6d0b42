#pragma once

// USWIM_EVERY_INSTRUCTION_SET before a function compiles it for AVX-512, AVX2 and the baseline; the
// loader picks what the machine has. What it calls must be inlined into it. All versions give the
// same bytes, because no multiply and add is fused (-ffp-contract=off) and only operations that
// IEEE 754 rounds correctly are used.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__)
#define USWIM_EVERY_INSTRUCTION_SET \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define USWIM_EVERY_INSTRUCTION_SET
#endif
#define USWIM_INLINE inline __attribute__((always_inline))
