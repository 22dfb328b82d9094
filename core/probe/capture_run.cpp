// SPDX-License-Identifier: Apache-2.0
#include "core/probe/capture_run.h"

#include "core/base/error.h"
#include "core/base/version.h"
#include "core/probe/capture_recorder.h"
#include "core/probe/content_hash.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <fmt/chrono.h>
#include <limits>
#include <numeric>
#include <utility>

namespace fulgurite::probe {

namespace {

// What the query positions of one step may take.
constexpr std::size_t kQueryMemory = std::size_t{256} << 20;

TokenIds idsOf(const std::vector<capture::CapturedToken>& tokens) {
    TokenIds ids;
    std::transform(tokens.begin(), tokens.end(), std::back_inserter(ids),
                   [](const auto& token) { return token.id; });
    return ids;
}

std::string utcNow() {
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

// log p(next | before) from one row of logits, summed in double.
float logprobOf(std::span<const float> logits, TokenId next) {
    const float top = *std::max_element(logits.begin(), logits.end());
    const double sum = std::accumulate(logits.begin(), logits.end(), 0.0, [=](double all, float x) {
        return all + std::exp(static_cast<double>(x) - top);
    });
    return static_cast<float>(static_cast<double>(logits[static_cast<std::size_t>(next)]) - top - std::log(sum));
}

} // namespace

void describeSource(CapturePlan& plan, const CaptureSource& source) {
    describePlan(plan, source.model, source.model_hash, tokensHash(idsOf(source.tokens)));
}

void describePlan(CapturePlan& plan, const std::string& model, const std::string& model_hash,
                  const std::string& tokens_hash) {
    plan.info.created = utcNow();
    plan.info.engine = kVersion;
    plan.info.model = model;
    plan.info.model_hash = model_hash;
    plan.info.tokens_hash = tokens_hash;
    plan.info.settings = planToJson(plan);
}

std::string captureId(const CapturePlan& plan, std::span<const capture::CapturedToken> marks) {
    std::string sampled;
    for (const capture::CapturedToken& token : marks) {
        sampled += token.sampled ? '1' : '0';
    }
    constexpr std::size_t kLength = 24; // 96 bits: no two captures of a life-time meet
    return sha256(plan.info.model_hash + "\n" + plan.info.tokens_hash + "\n" + plan.info.settings + "\n" + sampled)
        .substr(0, kLength);
}

std::uint64_t vocabularyBytes(std::span<const std::string> vocabulary) {
    return std::accumulate(vocabulary.begin(), vocabulary.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const std::string& text) { return sum + text.size(); });
}

class CaptureRun::Parts {
  public:
    Parts(std::shared_ptr<const HybridModel> model, CapturePlan plan, const CaptureSource& source,
          const std::filesystem::path& path)
        : model_(std::move(model)),
          plan_(std::move(plan)),
          tokens_(idsOf(source.tokens)),
          texts_(source.vocabulary),
          writer_(path, plan_.info, plan_.contents, source.tokens, source.vocabulary),
          state_(model_->newState()),
          stream_(writer_, model_->config(), plan_),
          query_(plan_.info.heads || plan_.info.lens ? plan_.info.positions : std::vector<std::size_t>(),
                 model_->config(), plan_.info.heads),
          figures_(plan_),
          reduced_(plan_.info.heads ? HeadFigureSink::planOf(plan_) : ProbePlan(), model_->config(), figures_),
          tap_({&stream_, &query_, &reduced_}) {
        for (const TokenId id : tokens_) {
            if (id < 0 || id >= model_->config().vocab_size) {
                fail(ErrorKind::InvalidInput, "token {} is outside the model's vocabulary of {}", id,
                     model_->config().vocab_size);
            }
        }
    }

    void step(kernels::ThreadPool& pool, std::size_t budget) {
        const std::size_t first = state_.position();
        const std::size_t count = rowsOfStep(first, std::max<std::size_t>(budget, 1));
        if (count == 0) {
            return;
        }
        tap_.begin(first, count);
        logits_.clear();
        SequenceChunk chunk{&state_, std::span(tokens_).subspan(first, count),
                            plan_.contents.logprobs ? LogitsWanted::All : LogitsWanted::None,
                            plan_.intervention.empty() ? nullptr : &plan_.intervention};
        model_->forward({&chunk, 1}, pool, workspace_, logits_, &tap_);
        if (plan_.contents.logprobs) {
            scoreTokens(first, count, pool);
        }
        if (!query_.rows().positions.empty()) {
            figureOut(pool);
        }
    }

    std::uint64_t finish() {
        if (done() < tokens_.size()) {
            fail(ErrorKind::Internal, "the capture was finished after {} of {} tokens", done(), tokens_.size());
        }
        if (plan_.info.heads) {
            for (const capture::HeadTable& table : figures_.finish()) {
                writer_.heads(table);
            }
        }
        return writer_.finish();
    }

    std::size_t done() const { return state_.position(); }
    std::size_t total() const { return tokens_.size(); }

  private:
    std::size_t rowsOfStep(std::size_t first, std::size_t budget) const {
        const std::size_t last = std::min(tokens_.size(), first + budget);
        const auto vocab = static_cast<std::size_t>(model_->config().vocab_size);
        const std::size_t per_row = QueryRows::bytesPerRow(model_->config()) + 2 * vocab * sizeof(float);
        const std::size_t allowed = std::max<std::size_t>(kQueryMemory / per_row, 1);
        const auto& positions = plan_.info.positions;
        const auto from = std::lower_bound(positions.begin(), positions.end(), first);
        const auto to = std::lower_bound(from, positions.end(), last);
        const bool crowded = static_cast<std::size_t>(to - from) > allowed;
        return (crowded ? from[static_cast<std::ptrdiff_t>(allowed)] : last) - first;
    }

    void scoreTokens(std::size_t first, std::size_t count, kernels::ThreadPool& pool) {
        const auto vocab = static_cast<std::size_t>(model_->config().vocab_size);
        if (first == 0) { // nothing stands before it
            const float unknown = std::numeric_limits<float>::quiet_NaN();
            writer_.logprobs(0, {&unknown, 1});
        }
        const std::size_t known = std::min(count, tokens_.size() - first - 1); // rows whose next token is given
        std::vector<float> scores(known);
        pool.parallelFor(known, 1, [&](std::size_t begin, std::size_t end, std::size_t) {
            for (std::size_t i = begin; i < end; ++i) {
                scores[i] = logprobOf(std::span(logits_).subspan(i * vocab, vocab), tokens_[first + i + 1]);
            }
        });
        if (known > 0) {
            writer_.logprobs(first + 1, scores);
        }
    }

    void figureOut(kernels::ThreadPool& pool) {
        kernels::Queue queue(pool);
        const QueryRows& rows = query_.rows();
        std::vector<TokenId> best;
        if (plan_.info.lens) {
            LensRows lens = lensOf(*model_, rows, static_cast<std::size_t>(plan_.contents.lens_candidates), queue);
            writeLens(rows, lens);
            best = std::move(lens.best);
        } else {
            best = bestTokens(*model_, rows, queue);
        }
        if (plan_.info.heads) {
            for (std::size_t i = 0; i < rows.positions.size(); ++i) {
                const std::size_t next = rows.positions[i] + 1;
                best[i] = next < tokens_.size() ? tokens_[next] : best[i];
            }
            figures_.addEffects(rows, headEffects(*model_, rows, best, queue), best);
        }
    }

    void writeLens(const QueryRows& rows, const LensRows& lens) {
        const std::size_t depth = rows.hidden.size();
        capture::LensView view;
        for (std::size_t i = 0; i < rows.positions.size(); ++i) {
            view.position = rows.positions[i];
            view.layers.assign(depth, {});
            for (std::size_t layer = 0; layer < depth; ++layer) {
                const std::size_t at = i * depth + layer;
                capture::LensLayer& out = view.layers[layer];
                out.layer = static_cast<int>(layer);
                out.final_rank = lens.rank[at];
                out.kl = lens.kl[at];
                for (std::size_t c = at * lens.candidates; c < (at + 1) * lens.candidates; ++c) {
                    const auto id = static_cast<std::size_t>(lens.ids[c]);
                    out.candidates.push_back(
                        {lens.ids[c], lens.logprobs[c], id < texts_.size() ? texts_[id] : std::string()});
                }
            }
            writer_.lens(view);
        }
    }

    std::shared_ptr<const HybridModel> model_;
    CapturePlan plan_;
    TokenIds tokens_;
    std::vector<std::string> texts_;
    capture::CaptureWriter writer_;
    SequenceState state_;
    Workspace workspace_;
    std::vector<float> logits_;
    StreamTap stream_;
    QueryTap query_;
    HeadFigureSink figures_;
    ProbeTap reduced_;
    TapGroup tap_;
};

CaptureRun::CaptureRun(std::shared_ptr<const HybridModel> model, CapturePlan plan, const CaptureSource& source,
                       const std::filesystem::path& path)
    : parts_(std::make_unique<Parts>(std::move(model), std::move(plan), source, path)) {}

CaptureRun::~CaptureRun() = default;

void CaptureRun::step(kernels::ThreadPool& pool, std::size_t budget) {
    parts_->step(pool, budget);
}

std::size_t CaptureRun::done() const {
    return parts_->done();
}

std::size_t CaptureRun::total() const {
    return parts_->total();
}

std::uint64_t CaptureRun::finish() {
    return parts_->finish();
}

ModelTurn ownTurn(kernels::ThreadPool& pool, std::size_t chunk) {
    return [&pool, chunk](const ModelWork& work) { work(pool, chunk); };
}

std::uint64_t runCapture(CaptureRun& run, const ModelTurn& turn, const std::function<void(std::size_t)>& progress,
                         const std::stop_token& stop) {
    while (run.done() < run.total()) {
        if (stop.stop_requested()) {
            fail(ErrorKind::Cancelled, "the capture was stopped after {} of {} tokens", run.done(), run.total());
        }
        turn([&run](kernels::ThreadPool& pool, std::size_t budget) { run.step(pool, budget); });
        progress(run.done());
    }
    return run.finish();
}

} // namespace fulgurite::probe
