// SPDX-License-Identifier: Apache-2.0
// The collections of a node: which embedder a collection needs, searches in it, and long work on it (taking
// documents in, evaluating), one piece after another on a thread of its own. The loaded model embeds in turns
// between two rounds of the scheduler, as captures do.
#pragma once

#include "core/node/retrieval_job.h"
#include "core/probe/capture_run.h"
#include "core/retrieval/collections.h"
#include "core/retrieval/evaluation.h"

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace fulgurite::node {

struct RetrievalServiceParams {
    std::shared_ptr<const HybridModel> model;
    std::shared_ptr<const Tokenizer> tokenizer;
    std::string name;                             // under which the model is served
    std::filesystem::path folder;                 // of the collections; empty: the engine keeps none
    std::vector<std::filesystem::path> embedders; // folders of further ones on offer
    probe::ModelTurn turn;
    std::size_t threads = 0; // for scans; 0: one for each core
};

// Something to embed with.
struct EmbedderOffer {
    std::string
        id; // what a collection's plan names: "model", or a checkpoint folder, also one that is not on offer
    retrieval::EmbedderInfo info;
    std::vector<std::string> layer_kinds; // "lightning", "softmax" or "bert"
    std::string problem;                  // why it cannot be used; empty: it can
};

// All members may be called from any thread. Those about collections throw Error{Unsupported} when the engine keeps
// none.
class RetrievalService {
  public:
    explicit RetrievalService(RetrievalServiceParams params);
    ~RetrievalService(); // stops the work at hand, which goes on where it was when it is asked for again
    RetrievalService(const RetrievalService&) = delete;
    RetrievalService& operator=(const RetrievalService&) = delete;

    retrieval::Collections& collections();
    kernels::ThreadPool& pool() { return pool_; }
    std::vector<EmbedderOffer> embedders();
    // Of "model" or a folder, also one that is not on offer; `problem` says why it cannot be used.
    EmbedderOffer offerOf(const std::string& id);
    // Of a collection's embedder.
    std::vector<std::string> layerKinds(const retrieval::CollectionInfo& collection) const;
    // Why it cannot be searched with the embedders at hand; empty: it can, or that is being found out just now.
    // Waits for no search.
    std::string problemOf(const retrieval::CollectionInfo& collection);

    retrieval::CollectionInfo create(const retrieval::CollectionPlan& plan);
    void remove(const std::string& collection); // its work is cancelled first
    // This one and the two below: Error{Cancelled} when `stop` is asked for.
    retrieval::SearchReply search(const std::string& collection, const retrieval::SearchRequest& request,
                                  const std::stop_token& stop = {});
    // Without a query no embedder is needed.
    std::vector<retrieval::Projection> project(const std::string& collection, int layer,
                                               const std::vector<int>& heads, const std::string& query,
                                               const std::stop_token& stop = {});

    // Standard vectors of texts. `model`: the served model's name, or the name or path of an encoder's folder;
    // empty: the served one. Throws Error{NotFound} that lists what there is.
    struct Embedded {
        std::string model;
        std::vector<retrieval::TextVectors> vectors;
    };
    Embedded embed(const std::string& model, std::span<const std::string> texts, const std::stop_token& stop = {});

    // At most one piece of work for each collection: Error{InvalidInput} while another is running or paused.
    RetrievalJob ingest(const std::string& collection, std::vector<std::filesystem::path> paths);
    RetrievalJob evaluate(const std::string& collection, retrieval::EvaluationRequest request);
    // The last one, also when it has ended; unset: there was none in this run of the engine.
    std::optional<RetrievalJob> job(const std::string& collection);
    RetrievalJob steer(const std::string& collection, RetrievalAction action);

  private:
    // An embedder for one collection. What is known of it can be asked for while it embeds.
    struct Held {
        std::mutex opening;                            // guards `embedder`, never held while something is embedded
        std::mutex busy;                               // of whoever embeds: one at a time
        std::unique_ptr<retrieval::Embedder> embedder; // stays once it is there
    };

    std::unique_ptr<retrieval::Embedder> open(const std::string& id, const retrieval::EmbedderOptions& options);
    std::unique_ptr<retrieval::Embedder> openFor(const retrieval::CollectionInfo& collection);
    std::shared_ptr<Held> held(const retrieval::CollectionInfo& collection);
    std::shared_ptr<Held> slot(const std::string& key);
    void dropIfRemoved(const retrieval::CollectionInfo& collection);
    std::vector<std::string> kindsOf(const std::string& embedder, const retrieval::EmbedderInfo& info) const;
    RetrievalJob start(const std::string& collection, const std::string& kind, RetrievalWork::Work work);
    void work(const std::stop_token& closing);

    RetrievalServiceParams params_;
    kernels::ThreadPool pool_;
    std::unique_ptr<retrieval::Collections> collections_; // none where nothing is kept

    std::mutex embedders_mutex_;
    std::map<std::string, std::shared_ptr<Held>> embedders_; // by collection, or by what embeds single texts

    std::mutex mutex_;
    std::condition_variable_any wake_;
    std::map<std::string, std::shared_ptr<RetrievalWork>> jobs_; // the last of each collection, by its id
    std::deque<std::shared_ptr<RetrievalWork>> queue_;
    std::size_t next_job_ = 1;
    std::jthread thread_; // last: it uses all of the above
};

} // namespace fulgurite::node
