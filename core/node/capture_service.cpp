// SPDX-License-Identifier: Apache-2.0
#include "core/node/capture_service.h"

#include "core/base/error.h"
#include "core/base/sha256.h"
#include "core/model/weights.h"
#include "core/probe/content_hash.h"

#include <span>
#include <utility>

namespace fulgurite::node {

namespace {

constexpr std::size_t kMaxWaiting = 16;

} // namespace

CaptureService::CaptureService(CaptureServiceParams params)
    : params_(std::move(params)),
      model_hash_(probe::modelHash(*params_.model->weights().checkpoint)),
      vocabulary_bytes_(probe::vocabularyBytes(params_.vocabulary)),
      store_(params_.folder),
      thread_([this](const std::stop_token& closing) { work(closing); }) {}

CaptureService::~CaptureService() = default;

CaptureStore& CaptureService::store() {
    if (params_.folder.empty()) {
        fail(ErrorKind::Unsupported, "this engine keeps no captures: start it with --data DIR");
    }
    return store_;
}

// Its place on the node's disk is no business of the client's.
probe::CaptureRoom CaptureService::room() const {
    return {params_.folder, "the node's folder of captures", params_.limit_bytes};
}

probe::CaptureEstimate CaptureService::estimate(const probe::CaptureRequest& request, std::size_t tokens) const {
    probe::CapturePlan plan = probe::planCapture(request, params_.model->config(), tokens);
    probe::describePlan(plan, params_.name, model_hash_, probe::tokensHash({}));
    return probe::estimateCapture(plan, vocabulary_bytes_, params_.prefill_rate(), room());
}

probe::CaptureSource CaptureService::sourceOf(const CaptureOrder& order) const {
    probe::CaptureSource source;
    source.model = params_.name;
    source.model_hash = model_hash_;
    source.vocabulary = params_.vocabulary;
    for (std::size_t i = 0; i < order.tokens.size(); ++i) {
        capture::CapturedToken token;
        token.id = order.tokens[i];
        token.special = params_.is_special(token.id);
        token.sampled = i >= order.sampled_from;
        source.tokens.push_back(token);
    }
    return source;
}

void CaptureService::submit(CaptureOrder order, std::shared_ptr<CaptureObserver> observer, std::stop_token stop) {
    store();
    auto job = std::make_shared<Job>();
    job->plan = probe::planCapture(order.request, params_.model->config(), order.tokens.size());
    job->source = sourceOf(order);
    job->owner = std::move(order.owner);
    job->observer = std::move(observer);
    job->stop = std::move(stop);
    probe::describeSource(job->plan, job->source);
    job->estimate = probe::estimateCapture(job->plan, vocabulary_bytes_, params_.prefill_rate(), room());
    probe::requireFits(job->estimate);
    enqueue({[this, job](const std::stop_token& closing) { run(*job, closing); },
             [job](const Error& error) { job->observer->onError(error); }});
}

void CaptureService::compare(ComparisonOrder order, ComparisonReply reply, std::stop_token stop) {
    auto run = std::make_shared<probe::ComparisonRun>(params_.model, std::move(order.tokens),
                                                      std::move(order.intervention), order.first);
    enqueue({[this, run, reply, stop = std::move(stop)](const std::stop_token& closing) {
                 try {
                     while (!run->finished()) {
                         if (stop.stop_requested() || closing.stop_requested()) {
                             fail(ErrorKind::Cancelled, "the comparison was stopped");
                         }
                         params_.turn(
                             [&](kernels::ThreadPool& pool, std::size_t budget) { run->step(pool, budget); });
                     }
                     capture::TokenComparison result = run->take();
                     nameTokens(result);
                     reply(std::move(result), std::nullopt);
                 } catch (const Error& error) {
                     reply(std::nullopt, error);
                 } catch (const std::exception& error) {
                     reply(std::nullopt, Error(ErrorKind::Internal, error.what()));
                 }
             },
             [reply](const Error& error) { reply(std::nullopt, error); }});
}

// The vocabulary is empty where the model has no tokenizer; ids past its end have no text.
void CaptureService::nameTokens(capture::TokenComparison& comparison) const {
    if (params_.vocabulary.empty()) {
        return;
    }
    const auto textsOf = [this](const std::vector<TokenId>& ids) {
        std::vector<std::string> texts;
        for (const TokenId id : ids) {
            const auto at = static_cast<std::size_t>(id);
            texts.push_back(at < params_.vocabulary.size() ? params_.vocabulary[at] : std::string());
        }
        return texts;
    };
    comparison.best_text = textsOf(comparison.best);
    comparison.best_changed_text = textsOf(comparison.best_changed);
}

void CaptureService::enqueue(Task task) {
    {
        const std::lock_guard lock(mutex_);
        if (queue_.size() >= kMaxWaiting) {
            fail(ErrorKind::Unavailable, "{} captures are waiting already; try again later", queue_.size());
        }
        queue_.push_back(std::move(task));
    }
    wake_.notify_all();
}

void CaptureService::work(const std::stop_token& closing) {
    for (;;) {
        std::unique_lock lock(mutex_);
        if (!wake_.wait(lock, closing, [this] { return !queue_.empty(); })) {
            break;
        }
        const Task task = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        task.run(closing);
    }
    for (const Task& task : queue_) {
        task.drop(Error(ErrorKind::Unavailable, "the engine is shutting down"));
    }
}

std::string CaptureService::idOf(const Job& job) {
    constexpr std::size_t kOwnerDigits = 12;
    const std::string id = probe::captureId(job.plan, job.source.tokens);
    return job.owner.empty() ? id : id + "-" + sha256(std::as_bytes(std::span(job.owner))).substr(0, kOwnerDigits);
}

void CaptureService::run(Job& job, const std::stop_token& closing) {
    try {
        const std::string id = idOf(job);
        job.observer->onStart(id, job.estimate);
        const auto there = store_.whole(id);
        job.observer->onDone(id, there ? there->info() : take(job, id, closing));
    } catch (const Error& error) {
        job.observer->onError(Error(error.kind(), store_.withoutFolder(error.what())));
    } catch (const std::exception& error) {
        job.observer->onError(Error(ErrorKind::Internal, error.what()));
    }
}

capture::CaptureInfo CaptureService::take(Job& job, const std::string& id, const std::stop_token& closing) {
    std::filesystem::create_directories(params_.folder);
    // Either side may end it.
    std::stop_source stop;
    const std::stop_callback client(job.stop, [&stop] { stop.request_stop(); });
    const std::stop_callback engine(closing, [&stop] { stop.request_stop(); });
    probe::CaptureRun run(params_.model, job.plan, job.source, store_.pathOf(id));
    const std::size_t total = run.total();
    probe::runCapture(
        run, params_.turn, [&](std::size_t done) { job.observer->onProgress(done, total); }, stop.get_token());
    return store_.open(id)->info();
}

} // namespace fulgurite::node
