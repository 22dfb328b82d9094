// SPDX-License-Identifier: Apache-2.0
// fulgurite-engine as a child process with pipes at its three ends, as a person or a script uses it.
#pragma once

#include <csignal>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace fulgurite::test {

struct Outcome {
    std::string out;
    std::string err;
    int status = -1;
};

// A running program with pipes at its three ends.
class Process {
  public:
    explicit Process(const std::vector<std::string>& arguments) {
        int in[2], out[2], err[2];
        if (::pipe(in) != 0 || ::pipe(out) != 0 || ::pipe(err) != 0) {
            throw std::runtime_error("no pipes");
        }
        pid_ = ::fork();
        if (pid_ == 0) {
            ::dup2(in[0], 0);
            ::dup2(out[1], 1);
            ::dup2(err[1], 2);
            for (const int fd : {in[0], in[1], out[0], out[1], err[0], err[1]}) {
                ::close(fd);
            }
            const std::string program = FULGURITE_BIN_DIR "/fulgurite-engine";
            std::vector<char*> argv{const_cast<char*>(program.c_str())};
            for (const std::string& argument : arguments) {
                argv.push_back(const_cast<char*>(argument.c_str()));
            }
            argv.push_back(nullptr);
            ::execv(program.c_str(), argv.data());
            ::_exit(127);
        }
        ::close(in[0]);
        ::close(out[1]);
        ::close(err[1]);
        in_ = in[1];
        out_ = out[0];
        err_ = err[0];
    }
    ~Process() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
        for (const int fd : {in_, out_, err_}) {
            ::close(fd);
        }
    }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    void type(const std::string& text) {
        ASSERT_EQ(::write(in_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    void closeInput() {
        ::close(in_);
        in_ = -1;
    }
    void interrupt() const { signal(SIGINT); }
    void signal(int number) const { ::kill(pid_, number); }

    // Reads until standard output holds `text` or ends; false in the second case.
    bool waitFor(const std::string& text, std::size_t from = 0) {
        while (outcome_.out.find(text, from) == std::string::npos) {
            if (!readSome()) {
                return false;
            }
        }
        return true;
    }
    bool waitForBytes(std::size_t count) {
        while (outcome_.out.size() < count) {
            if (!readSome()) {
                return false;
            }
        }
        return true;
    }
    std::size_t written() const { return outcome_.out.size(); }
    const std::string& output() const { return outcome_.out; } // so far

    Outcome finish() {
        if (in_ >= 0) {
            closeInput();
        }
        while (readSome()) {
        }
        int status = 0;
        ::waitpid(pid_, &status, 0);
        pid_ = -1;
        outcome_.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        return outcome_;
    }

  private:
    bool readSome() {
        pollfd ends[] = {{out_, POLLIN, 0}, {err_, POLLIN, 0}};
        if (::poll(ends, 2, 120000) <= 0) {
            ADD_FAILURE() << "the program is silent; so far: " << outcome_.out << outcome_.err;
            return false;
        }
        bool any = false;
        char bytes[4096];
        for (int i = 0; i < 2; ++i) {
            if ((ends[i].revents & (POLLIN | POLLHUP)) != 0) {
                const ssize_t count = ::read(ends[i].fd, bytes, sizeof(bytes));
                if (count > 0) {
                    (i == 0 ? outcome_.out : outcome_.err).append(bytes, static_cast<std::size_t>(count));
                    any = true;
                }
            }
        }
        return any;
    }

    pid_t pid_ = -1;
    int in_ = -1, out_ = -1, err_ = -1;
    Outcome outcome_;
};

// Runs it to the end.
inline Outcome runEngine(const std::vector<std::string>& arguments) {
    return Process(arguments).finish();
}

} // namespace fulgurite::test
