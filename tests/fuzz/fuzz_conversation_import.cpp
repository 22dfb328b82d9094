// SPDX-License-Identifier: Apache-2.0
// Any bytes as an exported conversation: an Error and nothing written, or something that can be exported again.
#include "core/base/error.h"
#include "core/store/conversation_export.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fulgurite;
    static Workspace workspace(":memory:");
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t before = workspace.conversations().count();
    std::vector<ConversationId> imported;
    try {
        imported = importJson(workspace, text, "fuzz");
        imported.push_back(importMarkdown(workspace, text, "fuzz"));
    } catch (const Error&) {
        if (workspace.conversations().count() != before + imported.size())
            std::abort();
    }
    exportJson(workspace, imported);
    for (const ConversationId id : imported)
        exportMarkdown(workspace, id);
    while (workspace.journal().undo()) {
    }
    workspace.journal().trim(0);
    return 0;
}
