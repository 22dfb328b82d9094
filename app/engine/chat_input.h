// SPDX-License-Identifier: Apache-2.0
// What a person types: messages of one or more lines.
#pragma once

#include "app/engine/interrupt.h"

#include <string>

namespace fulgurite::app {

// Reads messages from standard input. A line that ends with a backslash goes on in the next; a line that begins
// with three double quotes opens a block that three more close.
class ChatInput {
  public:
    enum class Result { Message, Interrupted, End };

    // Prompts are shown only on a terminal.
    Result read(InterruptGuard& interrupts, std::string& message);

  private:
    Result readLine(InterruptGuard& interrupts, const char* prompt, std::string& line);
    Result readBlock(InterruptGuard& interrupts, std::string& message);

    std::string buffer_; // read but not yet used
    bool ended_ = false;
};

} // namespace fulgurite::app
