// SPDX-License-Identifier: GPL-3.0-or-later
// From what the workspace holds to what an engine is asked. Runs on the store's thread.
#pragma once

#include "core/client/engine_types.h"
#include "core/store/workspace.h"
#include "ui/prompt/transcript_types.h"

#include <QByteArray>

namespace fulgurite {

// What the workspace keeps in place of a sampler that nobody chose: the model's own recommendation holds.
inline constexpr const char* kNoSampler = "{}";

// How the sampler is kept in the workspace. Fields that are unknown, wrong or missing are as in `otherwise`: a
// person may have edited it.
QByteArray toJson(const SamplerSettings& settings);
SamplerSettings samplerFromJson(const QByteArray& json, const SamplerSettings& otherwise = {});
SamplerSettings recommendedSettings(const SamplingDefaults& model);

struct EngineAbilities {
    QString model;
    bool takes_tokens = true; // exact ids in messages, going on inside an answer
    int alternatives = 20;
};

// What stays with the answer: sampler, seed, system prompt, whether its token ids are the model's own.
QByteArray requestRecord(const SamplerSettings& settings, std::uint64_t seed, const QString& system_prompt,
                         const EngineAbilities& engine, const InterventionRecipe& intervention = {});
bool hasTokenIds(const Node& node);
// The engine may be given the answer's token ids: it takes some, and they are of its own model. An id of another
// model's vocabulary would be a word that nobody wrote.
bool idsFit(const Node& node, const EngineAbilities& engine);
// Throws Error{Unsupported} where the engine cannot go on inside the answer because another model wrote it.
void requireToGoOn(const Node& node, const EngineAbilities& engine);
SamplerSettings recordedSampler(const Node& node); // its seed set
InterventionRecipe recordedIntervention(const Node& node);
// The same record with the position of an intervention "from the answer on": the answer has been started, so it is
// known, and whoever goes on behind the answer needs it.
QByteArray withInterventionFrom(const QByteArray& record, std::size_t position);

// The request whose answer stands below `parent`; the first `kept` tokens of `answer` are given, where there is
// one. An intervention stays with its branch: the answer's own, or that of the last answer before it that has one.
client::GenerateRequest buildRequest(Workspace& workspace, ConversationId conversation,
                                     const std::optional<NodeId>& parent, const SamplerSettings& settings,
                                     std::uint64_t seed, const EngineAbilities& engine,
                                     const std::optional<NodeId>& answer = {}, std::size_t kept = 0);
// The conversation up to `node` and with it, as something to go on from: by tokens where they fit, else as text.
client::GenerateRequest wholeRequest(Workspace& workspace, NodeId node, const EngineAbilities& engine);

} // namespace fulgurite
