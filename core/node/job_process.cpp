// SPDX-License-Identifier: Apache-2.0
#include "core/node/job_process.h"

#include "core/base/error.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
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

constexpr int kStopLooks = 200; // a millisecond each
// Where SQLite locks the file beside a database with a write-ahead log for writing, and for putting the log into the
// database.
constexpr std::int64_t kFirstWriteLock = 120;
constexpr std::int64_t kLastWriteLock = 122;

// Not before all of its threads stand still.
Halt standsStill(pid_t process) {
    for (int i = 0; i < kStopLooks; ++i) {
        siginfo_t info{};
        if (::waitid(P_PID, static_cast<id_t>(process), &info, WSTOPPED | WEXITED | WNOHANG | WNOWAIT) != 0)
            return Halt::Ended;
        if (info.si_pid != 0)
            return info.si_code == CLD_STOPPED ? Halt::Halted : Halt::Ended;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return Halt::Busy;
}

// Whether one of the group's processes is within a transaction of a database that others share. The kernel lists
// "1: POSIX  ADVISORY  WRITE 4711 08:01:1234 120 120".
bool holdsADatabase(pid_t group) {
    std::ifstream locks("/proc/locks");
    for (std::string line; std::getline(locks, line);) {
        std::istringstream words(line);
        std::string number, type, kind, access, file;
        pid_t process = 0;
        std::int64_t first = 0;
        words >> number >> type >> kind >> access >> process >> file >> first;
        if (words && type == "POSIX" && access == "WRITE" && first >= kFirstWriteLock && first <= kLastWriteLock &&
            ::getpgid(process) == group)
            return true;
    }
    return false;
}

} // namespace

Halt tryToHaltJobProcess(int process) {
    ::kill(-process, SIGSTOP);
    Halt halt = standsStill(process);
    if (halt == Halt::Halted && holdsADatabase(process))
        halt = Halt::Busy;
    if (halt != Halt::Halted)
        ::kill(-process, SIGCONT);
    return halt;
}

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
