// SPDX-License-Identifier: GPL-3.0-or-later
// SIGTERM, SIGINT and SIGHUP close the window in order, as when the session ends or Ctrl+C is pressed in a
// terminal.
#pragma once

#include <functional>

class QObject;

namespace fulgurite {

// Once for each process. `close` runs on the thread of `owner`.
void closeOnSignals(QObject* owner, std::function<void()> close);

} // namespace fulgurite
