#include "experiment/worker_processes.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

namespace uswim::experiment {
namespace {

constexpr std::uint32_t kErrorKind = 0xffffffffu;
volatile std::sig_atomic_t interrupted = 0;

void on_signal(int) { interrupted = 1; }

struct Header {
  std::uint32_t kind;
  std::uint32_t size;
};

void write_all(int fd, const void* data, std::size_t size) {
  const auto* at = static_cast<const std::uint8_t*>(data);
  while (size > 0) {
    const ssize_t n = ::write(fd, at, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw std::runtime_error("the main process is gone");
    at += n;
    size -= static_cast<std::size_t>(n);
  }
}

void send_message(int fd, const Message& message) {
  const Header header{message.kind, static_cast<std::uint32_t>(message.bytes.size())};
  write_all(fd, &header, sizeof header);
  write_all(fd, message.bytes.data(), message.bytes.size());
}

struct Worker {
  pid_t pid = -1;
  int fd = -1;
  std::vector<std::uint8_t> pending;
};

/// Ends and reaps what is still running, however the loop is left.
class Workers {
 public:
  ~Workers() {
    for (Worker& w : all) {
      if (w.fd >= 0) ::close(w.fd);
      if (w.pid <= 0) continue;
      ::kill(w.pid, SIGKILL);
      ::waitpid(w.pid, nullptr, 0);
    }
  }
  std::vector<Worker> all;
};

[[noreturn]] void be_worker(unsigned index, int fd,
                            const std::function<void(unsigned, const Send&)>& work) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::signal(SIGINT, SIG_IGN);  // the main process decides
  std::signal(SIGTERM, SIG_DFL);
  int status = 0;
  try {
    work(index, [fd](const Message& m) { send_message(fd, m); });
  } catch (const std::exception& error) {
    const std::string text = error.what();
    try {
      send_message(fd, {kErrorKind, {text.begin(), text.end()}});
    } catch (const std::exception&) {
      // Nobody is left to be told.
    }
    status = 1;
  }
  ::_exit(status);  // no destructors of the main process's objects, no flushing of its streams
}

void deliver(Worker& worker, unsigned index,
             const std::function<void(unsigned, const Message&)>& receive) {
  std::size_t at = 0;
  while (worker.pending.size() - at >= sizeof(Header)) {
    Header header;
    std::memcpy(&header, worker.pending.data() + at, sizeof header);
    if (worker.pending.size() - at - sizeof header < header.size) break;
    const auto* begin = worker.pending.data() + at + sizeof header;
    Message message{header.kind, {begin, begin + header.size}};
    at += sizeof header + header.size;
    if (message.kind == kErrorKind)
      throw std::runtime_error(std::string(message.bytes.begin(), message.bytes.end()));
    receive(index, message);
  }
  worker.pending.erase(worker.pending.begin(),
                       worker.pending.begin() + static_cast<std::ptrdiff_t>(at));
}

void reap(Worker& worker) {
  ::close(worker.fd);
  worker.fd = -1;
  int status = 0;
  ::waitpid(worker.pid, &status, 0);
  worker.pid = -1;
  if (WIFSIGNALED(status))
    throw std::runtime_error("a worker process was ended by signal " +
                             std::to_string(WTERMSIG(status)) +
                             (WTERMSIG(status) == SIGKILL ? " (out of memory?)" : ""));
  if (status != 0) throw std::runtime_error("a worker process failed without saying why");
}

}  // namespace

void catch_interrupts() {
  struct sigaction action = {};
  action.sa_handler = on_signal;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

void throw_if_interrupted() {
  if (interrupted) throw Interrupted();
}

void run_in_processes(unsigned count, const std::function<void(unsigned, const Send&)>& work,
                      const std::function<void(unsigned, const Message&)>& receive) {
  std::fflush(nullptr);
  Workers workers;
  for (unsigned i = 0; i < count; ++i) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
      throw std::runtime_error(std::string("pipe: ") + std::strerror(errno));
    const pid_t pid = ::fork();
    if (pid < 0) throw std::runtime_error(std::string("fork: ") + std::strerror(errno));
    if (pid == 0) {
      ::close(ends[0]);
      be_worker(i, ends[1], work);
    }
    ::close(ends[1]);
    workers.all.push_back({pid, ends[0], {}});
  }
  std::vector<std::uint8_t> buffer(1 << 16);
  std::size_t running = count;
  while (running > 0) {
    throw_if_interrupted();
    std::vector<pollfd> fds;
    for (const Worker& w : workers.all)
      fds.push_back({w.fd, POLLIN, 0});  // a closed one (-1) is ignored
    if (::poll(fds.data(), fds.size(), -1) < 0) {
      if (errno == EINTR) continue;
      throw std::runtime_error(std::string("poll: ") + std::strerror(errno));
    }
    for (std::size_t i = 0; i < fds.size(); ++i) {
      if (fds[i].revents == 0) continue;
      Worker& w = workers.all[i];
      const ssize_t n = ::read(w.fd, buffer.data(), buffer.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) {
        reap(w);
        --running;
        continue;
      }
      w.pending.insert(w.pending.end(), buffer.begin(), buffer.begin() + n);
      deliver(w, static_cast<unsigned>(i), receive);
    }
  }
}

}  // namespace uswim::experiment
