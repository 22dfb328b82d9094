// SPDX-License-Identifier: Apache-2.0
// Answers of a model, sorted into reasoning, content and tool calls: the same however they are cut into tokens, and
// no byte of a block of calls that was none is lost.
#include "core/node/chat_formatter.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace fulgurite::node;

struct Message {
    std::string reasoning;
    std::string content;
    std::vector<ToolCallPiece> calls;

    void add(const ChatDelta& delta) {
        reasoning += delta.reasoning;
        content += delta.content;
        for (const ToolCallPiece& piece : delta.tool_calls) {
            if (piece.call > calls.size())
                std::abort(); // a call without a beginning
            if (piece.call == calls.size()) {
                if (piece.id.empty())
                    std::abort();
                calls.push_back(piece);
            } else {
                calls[piece.call].arguments += piece.arguments;
            }
        }
    }
    bool operator==(const Message& other) const {
        if (reasoning != other.reasoning || content != other.content || calls.size() != other.calls.size())
            return false;
        for (std::size_t i = 0; i < calls.size(); ++i)
            if (calls[i].name != other.calls[i].name || calls[i].arguments != other.calls[i].arguments)
                return false;
        return true;
    }
};

Message read(std::string_view text, std::size_t step, bool thinks) {
    ChatSplitter splitter(thinks, true);
    Message message;
    for (std::size_t at = 0; at < text.size(); at += step)
        message.add(splitter.push(text.substr(at, step)));
    message.add(splitter.flush());
    if (splitter.toolCallCount() != message.calls.size())
        std::abort();
    return message;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const bool thinks : {false, true}) {
        const Message whole = read(text, size + 1, thinks);
        for (const std::size_t step : {1, 3, 7})
            if (!(read(text, step, thinks) == whole))
                std::abort();
    }
    return 0;
}
