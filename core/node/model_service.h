// SPDX-License-Identifier: Apache-2.0
// The one loaded model as the endpoints see it: tokenizer, chat template, engine and facts behind one interface.
#pragma once

#include "core/base/sampling_defaults.h"
#include "core/checkpoint/model_config.h"
#include "core/generate/engine_options.h"
#include "core/generate/request.h"
#include "core/node/constraint_cache.h"
#include "core/text/tokenizer.h"

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace fulgurite::node {

class CaptureService;
class RetrievalService;
class StateExchange;

struct ModelFacts {
    std::string id;
    std::string path;
    std::string dtype;
    std::string kernels; // instruction set that computes
    std::int64_t parameters = 0;
    std::int64_t weight_bytes = 0;
    std::int64_t created = 0; // seconds since 1970
    ModelConfig config;
    SamplingDefaults sampling; // what the model's makers recommend
    std::size_t kv_bytes_per_token = 0;
    std::size_t state_bytes = 0; // of a conversation's recurrent part, whatever its length
    bool has_tokenizer = false;
    bool has_template = false;
    bool inspects = false;       // decay, costs and plans
    bool keeps_captures = false; // has a folder for them
    bool retrieves = false;      // keeps collections of documents
};

// All methods may be called from any thread. Who uses it holds the pointer that ModelHost lends; listeners of its
// generations may hold a plain one.
class ModelService {
  public:
    virtual ~ModelService() = default;
    virtual const ModelFacts& facts() const = 0;

    // Text. Throws Error{Unsupported} when the model folder has no tokenizer or no template.
    virtual TokenIds encode(std::string_view text, SpecialTokens special) const = 0;
    virtual std::string_view bytesOf(TokenId id) const = 0;
    virtual bool isSpecial(TokenId id) const = 0;
    // `tools`: array or null; their keys reach the model in this order.
    virtual std::string renderChat(const nlohmann::json& messages, const nlohmann::ordered_json& tools,
                                   bool add_generation_prompt) const = 0;

    // As Engine.
    virtual GenerationId submit(GenerateRequest request, std::shared_ptr<GenerationListener> listener) = 0;
    virtual void cancel(GenerationId id) = 0;
    virtual EngineStatus status() const = 0;
    virtual ReentryCost reentryCost(std::span<const TokenId> prefix, const std::string& tenant) const = 0;

    // nullptr when the model's inside cannot be looked at.
    virtual CaptureService* captures() { return nullptr; }
    // nullptr when it does not embed.
    virtual RetrievalService* retrieval() { return nullptr; }

    // nullptr when states cannot be moved to and from another node.
    virtual StateExchange* states() { return nullptr; }

    // What its requests have asked for lately, with what that worked out about its vocabulary.
    ConstraintCache& constraints() { return constraints_; }

  private:
    ConstraintCache constraints_;
};

} // namespace fulgurite::node
