// SPDX-License-Identifier: GPL-3.0-or-later
// What one page asks of another: kept here until that page comes to the front and takes it. Pages never know each
// other.
#pragma once

#include "core/base/intervention.h"
#include "core/client/engine_types.h"
#include "core/probe/capture/views.h"

#include <QString>

#include <optional>
#include <utility>

namespace fulgurite {

// An answer to look into: the text as the engine replays it, token for token.
struct InspectWish {
    qint64 turn = 0; // of the workspace
    QString title;   // of the conversation
    client::Prompt prompt;
    TokenIds continue_tokens;                  // of the answer, whole
    InterventionRecipe intervention = {};      // that it was written under; empty: none
    client::Sampling sampling = {};            // that it was made with
    std::size_t token = 0;                     // of the answer: where to look
    std::optional<capture::HeadRef> head = {}; // to look at first
};

// The answer again, under a changed model, as a branch beside it.
struct AblationWish {
    qint64 turn = 0;
    InterventionRecipe recipe;
};

// A text to begin a new conversation with; it is not sent.
struct DraftWish {
    QString text;
};

// The shown conversation goes on at this node.
struct NodeWish {
    QString node; // its id
};

// A run to look at: of this computer's own runs file, or the copy of one of another node there.
struct RunWish {
    std::int64_t run = 0; // 0: of the node
    QString node;         // its id
    QString uuid;         // of its run
};

class Handoff {
  public:
    void post(RunWish wish) { run_ = std::move(wish); }
    std::optional<RunWish> takeRun() { return std::exchange(run_, {}); }
    void post(NodeWish wish) { node_ = std::move(wish); }
    std::optional<NodeWish> takeNode() { return std::exchange(node_, {}); }
    void post(InspectWish wish) { inspect_ = std::move(wish); }
    void post(AblationWish wish) { ablation_ = std::move(wish); }
    void post(DraftWish wish) { draft_ = std::move(wish); }
    std::optional<InspectWish> takeInspect() { return std::exchange(inspect_, {}); }
    std::optional<AblationWish> takeAblation() { return std::exchange(ablation_, {}); }
    std::optional<DraftWish> takeDraft() { return std::exchange(draft_, {}); }

  private:
    std::optional<InspectWish> inspect_;
    std::optional<AblationWish> ablation_;
    std::optional<DraftWish> draft_;
    std::optional<NodeWish> node_;
    std::optional<RunWish> run_;
};

} // namespace fulgurite
