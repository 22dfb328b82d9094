// SPDX-License-Identifier: Apache-2.0
#include "core/node/retrieval_service.h"

#include "core/model/hybrid_model.h"
#include "core/retrieval/results/result_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace fulgurite::node {

namespace {

constexpr const char* kModel = "model";
constexpr std::size_t kMostNamed = 3; // files left out that a message names

retrieval::EmbedderOptions optionsOf(const retrieval::CollectionPlan& plan) {
    retrieval::EmbedderOptions options;
    options.layers = plan.layers;
    options.place = plan.place;
    options.pooling = plan.pooling;
    options.max_tokens = plan.max_tokens;
    return options;
}

std::string describe(const retrieval::IngestProgress& progress) {
    std::string text = fmt::format("{} embedded, {} removed", progress.embedded, progress.removed);
    for (std::size_t i = 0; i < std::min(kMostNamed, progress.skipped.size()); ++i) {
        text += fmt::format("{}{}", i == 0 ? "; left out: " : "; ", progress.skipped[i]);
    }
    if (progress.skipped.size() > kMostNamed) {
        text += fmt::format(" and {} more", progress.skipped.size() - kMostNamed);
    }
    return text;
}

// What is asked of an embedder on the way of a search ends with the search.
class StoppableEmbedder final : public retrieval::Embedder {
  public:
    StoppableEmbedder(retrieval::Embedder& inner, std::stop_token stop) : inner_(inner), stop_(std::move(stop)) {}

    const retrieval::EmbedderInfo& info() const override { return inner_.info(); }
    std::vector<retrieval::TextVectors> embed(std::span<const std::string> texts,
                                              const std::stop_token& /*stop*/) override {
        return inner_.embed(texts, stop_);
    }
    std::size_t countTokens(std::string_view text) const override { return inner_.countTokens(text); }

  private:
    retrieval::Embedder& inner_;
    std::stop_token stop_;
};

} // namespace

RetrievalService::RetrievalService(RetrievalServiceParams params)
    : params_(std::move(params)),
      pool_(params_.threads),
      collections_(params_.folder.empty() ? nullptr : std::make_unique<retrieval::Collections>(params_.folder)),
      thread_([this](const std::stop_token& closing) { work(closing); }) {}

RetrievalService::~RetrievalService() = default;

retrieval::Collections& RetrievalService::collections() {
    if (!collections_) {
        fail(ErrorKind::Unsupported, "this engine keeps no collections: start it with --data DIR");
    }
    return *collections_;
}

std::unique_ptr<retrieval::Embedder> RetrievalService::open(const std::string& id,
                                                            const retrieval::EmbedderOptions& options) {
    if (id == kModel) {
        return retrieval::hybridEmbedder(params_.model, params_.tokenizer, params_.name, options, params_.turn);
    }
    return retrieval::openEmbedder(id, options, pool_);
}

// With the layers that are stored, and refused when it would give other vectors than those.
std::unique_ptr<retrieval::Embedder> RetrievalService::openFor(const retrieval::CollectionInfo& collection) {
    retrieval::EmbedderOptions options = optionsOf(collection.plan);
    options.layers = collection.embedder.layers;
    auto embedder = open(collection.plan.embedder, options);
    if (embedder->info().fingerprint != collection.embedder.fingerprint) {
        fail(ErrorKind::InvalidInput,
             "{} was embedded by {} ({} wide), but {} ({} wide) is at hand: search is off until it is embedded "
             "again",
             collection.plan.name, collection.embedder.name, collection.embedder.width, embedder->info().name,
             embedder->info().width);
    }
    return embedder;
}

std::shared_ptr<RetrievalService::Held> RetrievalService::slot(const std::string& key) {
    const std::lock_guard lock(embedders_mutex_);
    std::shared_ptr<Held>& held = embedders_[key];
    if (!held) {
        held = std::make_shared<Held>();
    }
    return held;
}

// Whoever has filled a slot asks: the collection may have been removed since it was looked up, and remove() may
// have come past the slots already.
void RetrievalService::dropIfRemoved(const retrieval::CollectionInfo& collection) {
    try {
        if (collections().info(collection.id).embedder.fingerprint == collection.embedder.fingerprint) {
            return;
        }
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::NotFound) {
            return; // a database that cannot be read tells nothing
        }
    }
    const std::lock_guard lock(embedders_mutex_);
    embedders_.erase(collection.id);
}

std::shared_ptr<RetrievalService::Held> RetrievalService::held(const retrieval::CollectionInfo& collection) {
    const std::shared_ptr<Held> held = slot(collection.id);
    {
        const std::lock_guard lock(held->opening);
        if (held->embedder) {
            return held;
        }
        held->embedder = openFor(collection);
    }
    dropIfRemoved(collection);
    return held;
}

RetrievalService::Embedded RetrievalService::embed(const std::string& model, std::span<const std::string> texts,
                                                    const std::stop_token& stop) {
    std::string id = model.empty() || model == params_.name ? kModel : "";
    std::string names = params_.name;
    for (const std::filesystem::path& folder : params_.embedders) {
        const std::string name = folder.filename().string();
        id = id.empty() && (model == name || model == folder.string()) ? folder.string() : id;
        names += ", " + name;
    }
    if (id.empty()) {
        fail(ErrorKind::NotFound, "the model '{}' does not embed here; there is {}", model, names);
    }
    const std::shared_ptr<Held> held = slot("embed " + id);
    const std::lock_guard lock(held->busy);
    if (const std::lock_guard opening(held->opening); !held->embedder) {
        held->embedder = open(id, {});
    }
    return {held->embedder->info().name, held->embedder->embed(texts, stop)};
}

std::vector<EmbedderOffer> RetrievalService::embedders() {
    std::vector<std::string> ids{kModel};
    for (const std::filesystem::path& folder : params_.embedders) {
        ids.push_back(folder.string());
    }
    std::vector<EmbedderOffer> offers;
    std::transform(ids.begin(), ids.end(), std::back_inserter(offers),
                   [this](const std::string& id) { return offerOf(id); });
    return offers;
}

EmbedderOffer RetrievalService::offerOf(const std::string& id) {
    EmbedderOffer offer;
    offer.id = id;
    try {
        offer.info = open(id, {})->info();
    } catch (const Error& error) {
        offer.info.name = id;
        offer.problem = error.what();
    }
    offer.layer_kinds = kindsOf(id, offer.info);
    return offer;
}

std::vector<std::string> RetrievalService::kindsOf(const std::string& embedder,
                                                   const retrieval::EmbedderInfo& info) const {
    std::vector<std::string> kinds(static_cast<std::size_t>(info.layer_count), info.kind);
    const auto& layers = params_.model->config().layers;
    if (embedder == kModel && layers.size() == kinds.size()) {
        for (std::size_t layer = 0; layer < kinds.size(); ++layer) {
            kinds[layer] = layers[layer] == LayerKind::Softmax ? "softmax" : "lightning";
        }
    }
    return kinds;
}

std::vector<std::string> RetrievalService::layerKinds(const retrieval::CollectionInfo& collection) const {
    return kindsOf(collection.plan.embedder, collection.embedder);
}

std::string RetrievalService::problemOf(const retrieval::CollectionInfo& collection) {
    const std::shared_ptr<Held> held = slot(collection.id);
    const std::unique_lock lock(held->opening, std::try_to_lock);
    if (!lock || held->embedder) {
        return {};
    }
    std::string problem;
    try {
        held->embedder = openFor(collection);
    } catch (const Error& error) {
        problem = error.what();
    }
    dropIfRemoved(collection);
    return problem;
}

retrieval::CollectionInfo RetrievalService::create(const retrieval::CollectionPlan& plan) {
    return collections().create(plan, open(plan.embedder, optionsOf(plan))->info());
}

void RetrievalService::remove(const std::string& collection) {
    const std::string id = collections().info(collection).id;
    {
        const std::lock_guard lock(mutex_);
        const auto job = jobs_.find(id);
        if (job != jobs_.end() && job->second->state().live()) {
            job->second->steer(RetrievalAction::Cancel);
        }
        jobs_.erase(id);
    }
    collections().remove(id);
    const std::lock_guard lock(embedders_mutex_);
    embedders_.erase(id);
}

retrieval::SearchReply RetrievalService::search(const std::string& collection,
                                                const retrieval::SearchRequest& request,
                                                const std::stop_token& stop) {
    const retrieval::CollectionInfo info = collections().info(collection);
    const std::shared_ptr<Held> with = held(info);
    const std::lock_guard lock(with->busy);
    StoppableEmbedder embedder(*with->embedder, stop);
    return collections().search(info.id, request, embedder, pool_);
}

std::vector<retrieval::Projection> RetrievalService::project(const std::string& collection, int layer,
                                                             const std::vector<int>& heads,
                                                             const std::string& query,
                                                             const std::stop_token& stop) {
    const retrieval::CollectionInfo info = collections().info(collection);
    if (query.empty()) {
        return collections().project(info.id, layer, heads, query, nullptr, pool_);
    }
    const std::shared_ptr<Held> with = held(info);
    const std::lock_guard lock(with->busy);
    StoppableEmbedder embedder(*with->embedder, stop);
    return collections().project(info.id, layer, heads, query, &embedder, pool_);
}

RetrievalJob RetrievalService::ingest(const std::string& collection, std::vector<std::filesystem::path> paths) {
    const retrieval::CollectionInfo info = collections().info(collection);
    const auto work = [this, id = info.id, paths = std::move(paths)](const auto& progress,
                                                                     const std::stop_token& stop) {
        // An embedder of its own, so that searches go on meanwhile.
        const auto embedder = openFor(collections().info(id));
        const retrieval::IngestProgress end = collections().ingest(
            id, paths, *embedder,
            [&progress](const retrieval::IngestProgress& now) { progress(now.done, now.total); }, stop);
        return RetrievalWork::Result{describe(end), {}};
    };
    return start(info.id, "ingest", work);
}

RetrievalJob RetrievalService::evaluate(const std::string& collection, retrieval::EvaluationRequest request) {
    const retrieval::CollectionInfo info = collections().info(collection);
    const auto work = [this, id = info.id, request = std::move(request)](const auto& progress,
                                                                         const std::stop_token& stop) {
        const auto embedder = openFor(collections().info(id));
        const retrieval::EvaluationResult result =
            retrieval::evaluate(collections(), id, request, *embedder, pool_, progress, stop);
        collections().keepEvaluation(id, result.record, retrieval::evaluationJson(result),
                                     retrieval::resultFileJson(result.matrices));
        return RetrievalWork::Result{{}, result.record};
    };
    return start(info.id, "evaluation", work);
}

RetrievalJob RetrievalService::start(const std::string& collection, const std::string& kind,
                                     RetrievalWork::Work work) {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<RetrievalWork>& slot = jobs_[collection];
    if (slot && slot->state().live()) {
        fail(ErrorKind::InvalidInput, "an {} of this collection is {}: wait for its end, or cancel it",
             slot->state().kind, nameOf(slot->state().state));
    }
    slot = std::make_shared<RetrievalWork>(std::to_string(next_job_++), kind, std::move(work));
    queue_.push_back(slot);
    wake_.notify_all();
    return slot->state();
}

std::optional<RetrievalJob> RetrievalService::job(const std::string& collection) {
    const std::lock_guard lock(mutex_);
    const auto found = jobs_.find(collection);
    return found == jobs_.end() || !found->second ? std::nullopt : std::optional(found->second->state());
}

RetrievalJob RetrievalService::steer(const std::string& collection, RetrievalAction action) {
    const std::string id = collections().info(collection).id;
    const std::lock_guard lock(mutex_);
    const auto found = jobs_.find(id);
    if (found == jobs_.end() || !found->second) {
        fail(ErrorKind::NotFound, "nothing is done with this collection");
    }
    if (found->second->steer(action)) {
        queue_.push_back(found->second);
        wake_.notify_all();
    }
    return found->second->state();
}

void RetrievalService::work(const std::stop_token& closing) {
    for (;;) {
        std::unique_lock lock(mutex_);
        if (!wake_.wait(lock, closing, [this] { return !queue_.empty(); })) {
            return;
        }
        const std::shared_ptr<RetrievalWork> job = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        job->run(closing);
    }
}

} // namespace fulgurite::node
