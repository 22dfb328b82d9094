// SPDX-License-Identifier: Apache-2.0
// PDF through poppler's pdftotext, in a process of its own with limits: a hostile file costs two minutes and
// nothing else. It writes no file, starts no process, gains no privilege, and has no network where the kernel lets
// an ordinary program give it up.
#include "core/base/error.h"
#include "core/retrieval/readers.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <string>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace fulgurite::retrieval {

namespace {

constexpr rlim_t kSeconds = 60;        // of processor time
constexpr unsigned kMostSeconds = 120; // by the clock
constexpr rlim_t kFiles = 64;
constexpr rlim_t kMemory = rlim_t{2} << 30; // bytes of address space
constexpr std::size_t kMostText = std::size_t{256} << 20;

void limit(int resource, rlim_t value) {
    const rlimit both{value, value};
    setrlimit(static_cast<__rlimit_resource_t>(resource), &both);
}

// After fork(): only what may be called between fork and exec.
[[noreturn]] void becomePdfToText(const char* path, int out, int errors) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    unshare(CLONE_NEWUSER | CLONE_NEWNET); // refused in some containers: the limits below hold there too
    alarm(kMostSeconds);                   // outlives exec
    limit(RLIMIT_CPU, kSeconds);
    limit(RLIMIT_AS, kMemory);
    limit(RLIMIT_FSIZE, 0); // writes no file
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NPROC, 0);
    dup2(out, STDOUT_FILENO);
    dup2(errors, STDERR_FILENO);
    const int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, STDIN_FILENO);
    for (int fd = STDERR_FILENO + 1; fd < 1024; ++fd) {
        close(fd);
    }
    limit(RLIMIT_NOFILE, kFiles);
    const char* const environment[] = {"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", nullptr};
    const char* const arguments[] = {"pdftotext", "-enc", "UTF-8", "-nopgbrk", path, "-", nullptr};
    execvpe("pdftotext", const_cast<char* const*>(arguments), const_cast<char* const*>(environment));
    _exit(127);
}

class Pipe {
  public:
    Pipe() {
        if (pipe2(ends_.data(), O_CLOEXEC) != 0) {
            fail(ErrorKind::Io, "no pipe to read a PDF through: {}", std::strerror(errno));
        }
    }
    ~Pipe() {
        close(ends_[0]);
        closeWriting();
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    int reading() const { return ends_[0]; }
    int writing() const { return ends_[1]; }
    void closeWriting() {
        if (ends_[1] >= 0) {
            close(ends_[1]);
            ends_[1] = -1;
        }
    }

  private:
    std::array<int, 2> ends_{-1, -1};
};

// Appends what is there; false at the end.
bool readSome(int fd, std::string& out) {
    std::array<char, 65536> block{};
    const ssize_t got = read(fd, block.data(), block.size());
    if (got < 0 && errno == EINTR) {
        return true;
    }
    out.append(block.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    return got > 0;
}

// Both streams to their ends; false when there is more text than is taken.
bool drain(const Pipe& text, const Pipe& errors, std::string& out, std::string& told) {
    std::array<pollfd, 2> streams{{{text.reading(), POLLIN, 0}, {errors.reading(), POLLIN, 0}}};
    while (streams[0].fd >= 0 || streams[1].fd >= 0) {
        if (poll(streams.data(), streams.size(), -1) < 0 && errno != EINTR) {
            return true;
        }
        for (std::size_t i = 0; i < streams.size(); ++i) {
            if (streams[i].fd >= 0 && streams[i].revents != 0 && !readSome(streams[i].fd, i == 0 ? out : told)) {
                streams[i].fd = -1;
            }
        }
        if (out.size() > kMostText || told.size() > kMostText) {
            return false;
        }
    }
    return true;
}

[[noreturn]] void explain(const std::filesystem::path& path, int status, const std::string& told) {
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
        fail(ErrorKind::Unsupported,
             "{}: reading PDF needs the program pdftotext; install the package poppler-utils", path.string());
    }
    if (told.find("assword") != std::string::npos || (WIFEXITED(status) && WEXITSTATUS(status) == 3)) {
        fail(ErrorKind::InvalidInput, "{}: the PDF is encrypted; save it without a password and try again",
             path.string());
    }
    if (WIFSIGNALED(status)) {
        fail(ErrorKind::InvalidInput,
             "{}: pdftotext was ended by signal {}: the file takes more than {} seconds or {} MiB", path.string(),
             WTERMSIG(status), kSeconds, kMemory >> 20);
    }
    fail(ErrorKind::InvalidInput, "{}: pdftotext cannot read it: {}", path.string(),
         told.empty() ? "no reason given" : told.substr(0, told.find('\n')));
}

} // namespace

std::string textOfPdf(const std::filesystem::path& path) {
    Pipe text;
    Pipe errors;
    // A path that begins with a dash would be taken for an option.
    const std::string name = std::filesystem::absolute(path).string();
    const pid_t child = fork();
    if (child < 0) {
        fail(ErrorKind::Io, "pdftotext cannot be started: {}", std::strerror(errno));
    }
    if (child == 0) {
        becomePdfToText(name.c_str(), text.writing(), errors.writing());
    }
    text.closeWriting();
    errors.closeWriting();
    std::string out;
    std::string told;
    const bool whole = drain(text, errors, out, told);
    if (!whole) {
        kill(child, SIGKILL);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!whole) {
        fail(ErrorKind::InvalidInput, "{}: the PDF holds more than {} MiB of text", path.string(), kMostText >> 20);
    }
    if (status != 0) {
        explain(path, status, told);
    }
    return out;
}

} // namespace fulgurite::retrieval
