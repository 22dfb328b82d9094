// SPDX-License-Identifier: Apache-2.0
#include "core/cascade/evaluate.h"

#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/base/json.h"
#include "core/base/json_field.h"
#include "core/cascade/cost_model.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace fulgurite::cascade {

namespace {

constexpr std::size_t kRanks[] = {1, 5, 10};

// Name of a caption's file and the place of its image in the library.
std::map<std::string, std::uint32_t> placesByName(const LibraryIndex& index, const EvaluationHooks& hooks) {
    std::map<std::string, std::uint32_t> places;
    for (std::uint32_t place = 0; place < index.ids.size(); ++place) {
        const std::filesystem::path path = hooks.path(index.ids[place]);
        places.emplace(path.filename().string(), place);
        places.emplace(path.string(), place);
    }
    return places;
}

struct Query {
    std::string text;
    std::uint32_t target = 0;
};

// Captions that are scored together, so that every vector is read once for all of them.
constexpr std::size_t kTogether = 32;

// Of one caption: by encoder, [images of the library].
using Scores = std::map<std::string, std::span<const float>>;

// The rank that `target` ends at, 1 the best. Equal scores count by place, as in a search.
std::size_t rankAfter(const std::vector<QueryStage>& stages, const Scores& scores, std::uint32_t target,
                      std::set<std::uint32_t>* touched) {
    const auto before = [](std::span<const float> s, std::uint32_t a, std::uint32_t b) {
        return s[a] > s[b] || (s[a] == s[b] && a < b);
    };
    const std::span<const float> first = scores.at(stages.front().encoder);
    std::size_t rank = 1;
    for (std::uint32_t i = 0; i < first.size(); ++i) {
        rank += before(first, i, target) ? 1 : 0;
    }
    if (stages.size() == 1) {
        return rank;
    }
    std::vector<std::uint32_t> in(first.size());
    for (std::uint32_t i = 0; i < in.size(); ++i) {
        in[i] = i;
    }
    for (std::size_t j = 0; j + 1 < stages.size(); ++j) {
        const std::span<const float> here = scores.at(stages[j].encoder);
        const std::size_t keep = std::min(stages[j].keep, in.size());
        std::partial_sort(in.begin(), in.begin() + static_cast<std::ptrdiff_t>(keep), in.end(),
                          [&](std::uint32_t a, std::uint32_t b) { return before(here, a, b); });
        in.resize(keep);
        if (j == 0) {
            touched->insert(in.begin(), in.end());
        }
        if (std::find(in.begin(), in.end(), target) == in.end()) {
            return rank; // it keeps the place that the last stage it reached gave it
        }
        const std::span<const float> next = scores.at(stages[j + 1].encoder);
        rank = 1;
        for (const std::uint32_t i : in) {
            rank += before(next, i, target) ? 1 : 0;
        }
    }
    return rank;
}

class Evaluation {
  public:
    Evaluation(const EvaluationSettings& settings, const SearchContext& context, const EvaluationHooks& hooks)
        : settings_(settings), context_(context), hooks_(hooks) {}

    EvaluationResult run() {
        for (const auto& stages : settings_.variants) {
            checkStages(stages);
            for (const QueryStage& stage : stages) {
                encoders_.insert(stage.encoder);
            }
        }
        findQueries();
        for (const std::string& encoder : encoders_) {
            encodeAll(encoder);
        }
        std::vector<std::vector<std::size_t>> ranks(settings_.variants.size());
        std::vector<std::set<std::uint32_t>> touched(settings_.variants.size());
        for (std::size_t first = 0; first < queries_.size(); first += kTogether) {
            if (context_.betweenBatches()) {
                fail(ErrorKind::Cancelled, "the evaluation was stopped");
            }
            const std::size_t count = std::min(kTogether, queries_.size() - first);
            scoreTogether(first, count);
            for (std::size_t q = 0; q < count; ++q) {
                const Scores scores = scoresOf(q);
                for (std::size_t v = 0; v < ranks.size(); ++v) {
                    ranks[v].push_back(
                        rankAfter(settings_.variants[v], scores, queries_[first + q].target, &touched[v]));
                }
            }
            if (hooks_.progress) {
                hooks_.progress(static_cast<double>(first + count) / static_cast<double>(queries_.size()));
            }
        }
        return report(ranks, touched);
    }

  private:
    void findQueries() {
        const auto places = placesByName(context_.index, hooks_);
        for (const Caption& caption : settings_.captions) {
            const auto found = places.find(caption.file);
            const auto named = found != places.end()
                                   ? found
                                   : places.find(std::filesystem::path(caption.file).filename().string());
            if (named != places.end() && (settings_.limit == 0 || queries_.size() < settings_.limit)) {
                queries_.push_back({caption.text, named->second});
            }
        }
        if (queries_.empty()) {
            fail(ErrorKind::InvalidInput, "none of the {} captions belongs to an image of this library",
                 settings_.captions.size());
        }
    }

    void encodeAll(const std::string& id) {
        StageEncoder& encoder = context_.encoder(id);
        std::vector<PictureSource> missing;
        for (std::uint32_t place = 0; place < context_.index.ids.size(); ++place) {
            if (!encoder.has(context_.index.contents[place])) {
                missing.push_back(context_.picture(place));
            }
        }
        const Account account{context_.library, LedgerEntry::Kind::Evaluation, 0};
        hooks_.encoded(encoder.ensure(missing, account, [this] { return context_.betweenBatches(); }));
    }

    // Fills scores_ for `count` captions from `first` on.
    void scoreTogether(std::size_t first, std::size_t count) {
        const std::size_t images = context_.index.contents.size();
        std::vector<std::string> texts;
        for (std::size_t q = first; q < first + count; ++q) {
            texts.push_back(settings_.prefix + queries_[q].text);
        }
        for (const std::string& id : encoders_) {
            StageEncoder& encoder = context_.encoder(id);
            double flops = 0;
            const auto queries = encoder.encodeTexts(texts, &flops);
            const std::size_t rows = encoder.rows().count;
            std::vector<float> all(count * rows);
            kernels::scanDots(encoder.rows(), {queries.data(), count, encoder.model().width()}, all.data(),
                              context_.pool);
            std::vector<float>& scores = scores_[id];
            scores.assign(count * images, -2.0f); // of a picture without a vector: below every cosine
            for (std::size_t i = 0; i < images; ++i) {
                const std::int64_t row = encoder.rowOf(context_.index.contents[i]);
                for (std::size_t q = 0; q < count && row >= 0; ++q) {
                    scores[q * images + i] = all[q * rows + static_cast<std::size_t>(row)];
                }
            }
        }
    }

    Scores scoresOf(std::size_t q) const {
        const std::size_t images = context_.index.contents.size();
        Scores scores;
        for (const auto& [id, all] : scores_) {
            scores[id] = std::span(all).subspan(q * images, images);
        }
        return scores;
    }

    EvaluationResult report(const std::vector<std::vector<std::size_t>>& ranks,
                            const std::vector<std::set<std::uint32_t>>& touched) {
        EvaluationResult result;
        result.captions = queries_.size();
        result.images = context_.index.ids.size();
        double dearest = -1;
        for (const std::string& encoder : encoders_) {
            result.seconds_each[encoder] = hooks_.measured(encoder);
            if (const double flops = context_.encoder(encoder).info().image_flops; flops > dearest) {
                dearest = flops;
                result.reference = encoder;
            }
        }
        for (std::size_t v = 0; v < ranks.size(); ++v) {
            EvaluationRow row;
            row.stages = settings_.variants[v];
            for (const std::size_t k : kRanks) {
                const auto within = [k](std::size_t rank) { return rank <= k; };
                row.recall[k] =
                    wilson(static_cast<std::size_t>(std::count_if(ranks[v].begin(), ranks[v].end(), within)),
                           ranks[v].size());
            }
            addCosts(row, result);
            row.touched = static_cast<double>(touched[v].size()) /
                          static_cast<double>(std::max<std::size_t>(1, result.images));
            result.rows.push_back(std::move(row));
        }
        return result;
    }

    void addCosts(EvaluationRow& row, const EvaluationResult& result) {
        std::vector<double> seconds;
        std::vector<double> flops;
        std::vector<std::size_t> keep;
        for (const QueryStage& stage : row.stages) {
            seconds.push_back(result.seconds_each.at(stage.encoder));
            flops.push_back(context_.encoder(stage.encoder).info().image_flops);
            keep.push_back(stage.keep);
        }
        keep.pop_back();
        const double fraction = settings_.fraction;
        row.factor = lifetimeFactorAgainst(result.seconds_each.at(result.reference), seconds, fraction);
        row.flops_factor =
            lifetimeFactorAgainst(context_.encoder(result.reference).info().image_flops, flops, fraction);
        row.own_factor = lifetimeFactor(seconds, fraction);
        row.own_flops_factor = lifetimeFactor(flops, fraction);
        row.cold_seconds = coldCost(seconds, keep);
        row.ingest_seconds = seconds.front() * static_cast<double>(result.images);
    }

    const EvaluationSettings& settings_;
    const SearchContext& context_;
    const EvaluationHooks& hooks_;
    std::set<std::string> encoders_;
    std::vector<Query> queries_;
    std::map<std::string, std::vector<float>> scores_; // by encoder, [captions together, images]
};

} // namespace

std::vector<Caption> readCaptions(const std::filesystem::path& file) {
    const std::string text = readTextFile(file, std::size_t{256} << 20);
    std::vector<Caption> captions;
    std::size_t line = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const std::string_view part = std::string_view(text).substr(at, end - at);
        at = end + 1;
        ++line;
        if (part.find_first_not_of(" \t\r") == std::string_view::npos) {
            continue;
        }
        const std::string name = fmt::format("{}: line {}", file.string(), line);
        const nlohmann::json json = parseJson(part, name);
        const JsonField field(json, name);
        captions.push_back({field["file"].string(), field["caption"].string()});
    }
    return captions;
}

// Wilson's score interval at 95 %: it stays within [0, 1] and is right near the ends.
Recall wilson(std::size_t found, std::size_t of) {
    if (of == 0) {
        return {};
    }
    constexpr double z = 1.959963984540054;
    const double n = static_cast<double>(of);
    const double p = static_cast<double>(found) / n;
    const double scale = 1 + z * z / n;
    const double centre = (p + z * z / (2 * n)) / scale;
    const double half = z / scale * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    return {p, std::max(0.0, centre - half), std::min(1.0, centre + half)};
}

EvaluationResult evaluate(const EvaluationSettings& settings, const SearchContext& context,
                          const EvaluationHooks& hooks) {
    return Evaluation(settings, context, hooks).run();
}

} // namespace fulgurite::cascade
