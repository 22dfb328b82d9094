// SPDX-License-Identifier: Apache-2.0
#include "core/generate/engine.h"

#include "core/generate/scheduler.h"

#include <utility>

namespace fulgurite {

Engine::Engine(std::shared_ptr<const HybridModel> model, std::shared_ptr<const Tokenizer> tokenizer,
               EngineOptions options)
    : model_(std::move(model)),
      tokenizer_(std::move(tokenizer)),
      scheduler_(std::make_unique<Scheduler>(std::make_unique<ModelRunner>(model_, options.threads), tokenizer_,
                                             options)) {}

Engine::~Engine() = default;

GenerationId Engine::submit(GenerateRequest request, std::shared_ptr<GenerationListener> listener) {
    return scheduler_->submit(std::move(request), std::move(listener));
}

void Engine::cancel(GenerationId id) {
    scheduler_->cancel(id);
}

EngineStatus Engine::status() const {
    return scheduler_->status();
}

ReentryCost Engine::reentryCost(std::span<const TokenId> prefix, const std::string& tenant) const {
    return scheduler_->reentryCost(prefix, tenant);
}

void Engine::takeTurn(const TurnWork& work) {
    scheduler_->takeTurn(work);
}

std::shared_ptr<const void> Engine::setAside(std::size_t bytes, const Tenant& tenant) {
    return scheduler_->setAside(bytes, tenant);
}

std::optional<SequenceState> Engine::snapshotOf(std::span<const TokenId> tokens, const std::string& tenant) {
    return scheduler_->snapshots().longest(tenant, tokens, tokens.size());
}

bool Engine::keepSnapshot(std::span<const TokenId> tokens, const std::function<SequenceState()>& restore,
                          const std::string& tenant) {
    return scheduler_->keepSnapshot(tokens, restore, tenant);
}

const HybridModel& Engine::model() const {
    return *model_;
}

const std::shared_ptr<const Tokenizer>& Engine::tokenizer() const {
    return tokenizer_;
}

} // namespace fulgurite
