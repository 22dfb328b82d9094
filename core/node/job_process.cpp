// SPDX-License-Identifier: Apache-2.0
#include "core/node/job_process.h"

#include "core/base/error.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace fulgurite::node {

namespace {

struct Descriptor {
    explicit Descriptor(int value) : fd(value) {}
    ~Descriptor() {
        if (fd >= 0)
            ::close(fd);
    }
    Descriptor(const Descriptor&) = delete;
    int fd;
};

// In the child of a process with many threads: system calls only. Never returns.
[[noreturn]] void becomeProgram(char* const* arguments, const char* folder, int log, int report, pid_t parent) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGINT);
    if (::getppid() != parent)
        ::_exit(127); // the node ended in between
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    ::signal(SIGINT, SIG_DFL);
    const int nothing = ::open("/dev/null", O_RDONLY);
    if (nothing >= 0 && ::dup2(nothing, 0) >= 0 && ::dup2(log, 1) >= 0 && ::dup2(log, 2) >= 0 &&
        ::chdir(folder) == 0)
        ::execvp(arguments[0], arguments);
    const int error = errno;
    const ssize_t ignored = ::write(report, &error, sizeof error);
    (void)ignored;
    ::_exit(127);
}

} // namespace

int startJobProcess(const std::vector<std::string>& command, const std::filesystem::path& folder,
                    const std::filesystem::path& log) {
    const Descriptor output(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    if (output.fd < 0)
        fail(ErrorKind::Io, "{}: cannot be written ({})", log.string(), std::strerror(errno));
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        fail(ErrorKind::Io, "no pipe can be made ({})", std::strerror(errno));
    const Descriptor reading(ends[0]);
    std::vector<char*> arguments;
    for (const std::string& argument : command)
        arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child == 0)
        becomeProgram(arguments.data(), folder.c_str(), output.fd, ends[1], parent);
    ::close(ends[1]);
    if (child < 0)
        fail(ErrorKind::Io, "{}: cannot be started ({})", command.front(), std::strerror(errno));
    // The pipe closes with a successful exec, and says why otherwise.
    int error = 0;
    if (::read(reading.fd, &error, sizeof error) == sizeof error) {
        ::waitpid(child, nullptr, 0);
        fail(ErrorKind::Io, "{}: cannot be started ({})", command.front(), std::strerror(error));
    }
    ::setpgid(child, child); // also here, so that a signal right now finds the group
    return child;
}

} // namespace fulgurite::node
