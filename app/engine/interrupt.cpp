// SPDX-License-Identifier: Apache-2.0
#include "app/engine/interrupt.h"

#include <atomic>
#include <csignal>

namespace fulgurite::app {

namespace {

std::atomic<int> g_pressed{0};
struct sigaction g_before {};

void count(int) {
    g_pressed.fetch_add(1, std::memory_order_relaxed);
}

} // namespace

InterruptGuard::InterruptGuard() {
    struct sigaction action {};
    action.sa_handler = count; // no SA_RESTART: a read that waits returns
    sigemptyset(&action.sa_mask);
    g_pressed = 0;
    sigaction(SIGINT, &action, &g_before);
}

InterruptGuard::~InterruptGuard() {
    sigaction(SIGINT, &g_before, nullptr);
}

bool InterruptGuard::take() {
    return g_pressed.exchange(0) > 0;
}

} // namespace fulgurite::app
