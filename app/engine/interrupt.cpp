// SPDX-License-Identifier: Apache-2.0
#include "app/engine/interrupt.h"

#include <atomic>
#include <csignal>

namespace fulgurite::app {

namespace {

std::atomic<int> g_pressed{0};
struct sigaction g_before {};
struct sigaction g_before_termination {};

void count(int) {
    g_pressed.fetch_add(1, std::memory_order_relaxed);
}

} // namespace

InterruptGuard::InterruptGuard(bool with_termination) : with_termination_(with_termination) {
    struct sigaction action {};
    action.sa_handler = count; // no SA_RESTART: a read that waits returns
    sigemptyset(&action.sa_mask);
    g_pressed = 0;
    sigaction(SIGINT, &action, &g_before);
    if (with_termination_) {
        sigaction(SIGTERM, &action, &g_before_termination);
    }
}

InterruptGuard::~InterruptGuard() {
    sigaction(SIGINT, &g_before, nullptr);
    if (with_termination_) {
        sigaction(SIGTERM, &g_before_termination, nullptr);
    }
}

bool InterruptGuard::take() {
    return g_pressed.exchange(0) > 0;
}

} // namespace fulgurite::app
