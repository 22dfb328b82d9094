// SPDX-License-Identifier: Apache-2.0
// Joins model, tokenizer, template and engine.
#include "core/node/engine_service.h"

#include "core/checkpoint/generation_config.h"
#include "core/generate/engine.h"
#include "core/model/weights.h"
#include "core/node/capture_service.h"
#include "core/node/retrieval_service.h"
#include "core/node/state_exchange.h"
#include "core/node/states_folder.h"
#include "core/text/chat_template.h"

#include <nlohmann/json.hpp>

#include <sys/stat.h>

#include <system_error>
#include <utility>

namespace fulgurite::node {

namespace {

std::string folderName(const std::filesystem::path& folder) {
    std::error_code ignored;
    const std::filesystem::path whole = std::filesystem::weakly_canonical(folder, ignored);
    return whole.filename().empty() ? whole.parent_path().filename().string() : whole.filename().string();
}

std::int64_t modifiedAt(const std::filesystem::path& file) {
    struct stat status {};
    return ::stat(file.c_str(), &status) == 0 ? status.st_mtime : 0;
}

std::shared_ptr<const ChatTemplate> loadTemplate(const std::filesystem::path& folder) {
    try {
        return ChatTemplate::load(folder);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::NotFound) {
            throw;
        }
        return nullptr;
    }
}

ModelFacts factsOf(const EngineServiceOptions& options, const HybridModel& model) {
    const ModelConfig& config = model.config();
    const StateShape shape = StateShape::of(config);
    ModelFacts facts;
    facts.id = options.id.empty() ? folderName(options.model) : options.id;
    facts.path = std::filesystem::absolute(options.model).lexically_normal().string();
    facts.dtype = nameOf(model.weights().embedding.dtype);
    facts.kernels = model.kernelsName();
    facts.parameters = config.parameterCount();
    facts.weight_bytes = static_cast<std::int64_t>(model.weights().checkpoint->bytes());
    facts.created = modifiedAt(options.model / "config.json");
    facts.config = config;
    facts.sampling = readSamplingDefaults(options.model);
    facts.kv_bytes_per_token = shape.kvBytesPerToken();
    facts.state_bytes = shape.lightningBytes();
    facts.has_tokenizer = true;
    facts.inspects = true;
    facts.keeps_captures = !options.data.empty();
    facts.retrieves = !options.data.empty();
    return facts;
}

// Where states wait for who moves them.
std::filesystem::path statesBase(const EngineServiceOptions& options) {
    return options.data.empty() ? std::filesystem::temp_directory_path() : options.data;
}

class EngineService final : public ModelService {
  public:
    explicit EngineService(const EngineServiceOptions& options)
        : tokenizer_(Tokenizer::load(options.model)),
          template_(loadTemplate(options.model)),
          model_(options.load ? options.load(options.model) : HybridModel::load(options.model)),
          engine_(model_, tokenizer_, options.engine),
          facts_(factsOf(options, *model_)),
          captures_(captureParams(options)),
          retrieval_(retrievalParams(options)),
          states_folder_(statesBase(options)),
          states_(model_, engine_, states_folder_.path() / "files") {
        facts_.has_template = template_ != nullptr;
    }

    const ModelFacts& facts() const override { return facts_; }
    TokenIds encode(std::string_view text, SpecialTokens special) const override {
        return tokenizer_->encode(text, special);
    }
    std::string_view bytesOf(TokenId id) const override { return tokenizer_->bytesOf(id); }
    bool isSpecial(TokenId id) const override { return tokenizer_->isSpecial(id); }
    std::string renderChat(const nlohmann::json& messages, const nlohmann::ordered_json& tools,
                           bool add_generation_prompt) const override {
        if (!template_) {
            fail(ErrorKind::Unsupported,
                 "the model in {} has no chat template; use /v1/completions, or add a chat_template.jinja",
                 facts_.path);
        }
        return template_->renderOrdered(messages, tools, add_generation_prompt);
    }

    GenerationId submit(GenerateRequest request, std::shared_ptr<GenerationListener> listener) override {
        return engine_.submit(std::move(request), std::move(listener));
    }
    void cancel(GenerationId id) override { engine_.cancel(id); }
    EngineStatus status() const override { return engine_.status(); }
    ReentryCost reentryCost(std::span<const TokenId> prefix, const std::string& tenant) const override {
        return engine_.reentryCost(prefix, tenant);
    }
    CaptureService* captures() override { return &captures_; }
    RetrievalService* retrieval() override { return &retrieval_; }
    StateExchange* states() override { return &states_; }

  private:
    CaptureServiceParams captureParams(const EngineServiceOptions& options) {
        CaptureServiceParams params;
        params.model = model_;
        params.name = facts_.id;
        for (TokenId id = 0; id < static_cast<TokenId>(tokenizer_->size()); ++id) {
            params.vocabulary.emplace_back(tokenizer_->bytesOf(id));
        }
        params.is_special = [tokenizer = tokenizer_](TokenId id) { return tokenizer->isSpecial(id); };
        params.folder = options.data.empty() ? options.data : options.data / "captures";
        params.limit_bytes = options.capture_limit_bytes;
        params.turn = [this](const probe::ModelWork& work) { engine_.takeTurn(work); };
        params.set_aside = [this](std::size_t bytes, const Tenant& tenant) {
            return engine_.setAside(bytes, tenant);
        };
        params.prefill_rate = [this] { return engine_.status().prefill_tokens_per_second; };
        return params;
    }
    RetrievalServiceParams retrievalParams(const EngineServiceOptions& options) {
        RetrievalServiceParams params;
        params.model = model_;
        params.tokenizer = tokenizer_;
        params.name = facts_.id;
        params.folder = options.data.empty() ? options.data : options.data / "retrieval";
        params.embedders = options.embedders;
        params.turn = [this](const probe::ModelWork& work) { engine_.takeTurn(work); };
        params.threads = options.engine.threads;
        return params;
    }

    std::shared_ptr<const Tokenizer> tokenizer_;
    std::shared_ptr<const ChatTemplate> template_;
    std::shared_ptr<const HybridModel> model_;
    Engine engine_;
    ModelFacts facts_;
    // After the engine: their threads take turns there.
    CaptureService captures_;
    RetrievalService retrieval_;
    StatesFolder states_folder_;
    StateExchange states_;
};

} // namespace

std::unique_ptr<ModelService> loadEngineService(const EngineServiceOptions& options) {
    return std::make_unique<EngineService>(options);
}

} // namespace fulgurite::node
