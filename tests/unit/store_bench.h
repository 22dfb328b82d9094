// SPDX-License-Identifier: Apache-2.0
// A workspace of its own with short ways to fill it and to look into it: what tests of the store begin with.
#pragma once

#include "core/store/workspace.h"
#include "tests/unit/store_samples.h"
#include "tests/unit/temporary_folder.h"

#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite {

class StoreBench : public testing::Test {
  protected:
    // user "one" - answer "eins" - user "two" - answer "zwei"
    ConversationId sample() {
        const ConversationId id = store.create({"Counting", "", false, "Be short.", "{}"});
        NodeId at = store.append(userNode(id, std::nullopt, "one"));
        at = store.append(answerNode(id, at, "eins"));
        at = store.append(userNode(id, at, "two"));
        store.append(answerNode(id, at, "zwei"));
        return id;
    }
    std::vector<std::string> line(ConversationId id) {
        std::vector<std::string> result;
        for (const Node& node : store.path(id))
            result.push_back(node.content);
        return result;
    }
    std::vector<std::string> found(std::string_view query) {
        std::vector<std::string> result;
        for (const SearchHit& hit : workspace.index().search(query))
            result.push_back(hit.line);
        return result;
    }

    TemporaryFolder folder;
    Workspace workspace{folder / "workspace.db"};
    ConversationStore& store = workspace.conversations();
    UndoJournal& journal = workspace.journal();
};

} // namespace fulgurite
