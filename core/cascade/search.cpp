// SPDX-License-Identifier: Apache-2.0
#include "core/cascade/search.h"

#include "core/base/elapsed.h"
#include "core/base/error.h"

#include <algorithm>
#include <cmath>

namespace fulgurite::cascade {

namespace {

constexpr std::size_t kMostStages = 8;
constexpr std::size_t kMostTerms = 64;
constexpr std::size_t kBins = 60;

bool isBefore(const ScoredImage& a, const ScoredImage& b) {
    return a.score > b.score || (a.score == b.score && a.index < b.index);
}

ScoreHistogram histogramOf(const std::vector<ScoredImage>& scored) {
    ScoreHistogram histogram;
    histogram.counts.assign(kBins, 0);
    if (scored.empty()) {
        return histogram;
    }
    const auto [low, high] = std::minmax_element(scored.begin(), scored.end(),
                                                 [](const auto& a, const auto& b) { return a.score < b.score; });
    histogram.low = low->score;
    histogram.high = high->score;
    const double width = std::max(histogram.high - histogram.low, 1e-12);
    for (const ScoredImage& image : scored) {
        const double place = (image.score - histogram.low) / width * static_cast<double>(kBins);
        ++histogram.counts[std::min(kBins - 1, static_cast<std::size_t>(std::max(0.0, place)))];
    }
    return histogram;
}

void addScaled(std::vector<double>& sum, const float* vector, double weight) {
    for (std::size_t i = 0; i < sum.size(); ++i) {
        sum[i] += weight * static_cast<double>(vector[i]);
    }
}

std::vector<float> normalised(const std::vector<double>& sum) {
    double squares = 0;
    for (const double x : sum) {
        squares += x * x;
    }
    if (!(squares > 1e-12)) {
        fail(ErrorKind::InvalidInput, "the terms of the query cancel each other out; change a weight");
    }
    std::vector<float> result(sum.size());
    std::transform(sum.begin(), sum.end(), result.begin(),
                   [scale = 1 / std::sqrt(squares)](double x) { return static_cast<float>(x * scale); });
    return result;
}

// One query on its way through the stages.
class Search {
  public:
    Search(const QueryRequest& request, const SearchContext& context) : request_(request), context_(context) {}

    QueryResult run() {
        const auto start = Clock::now();
        for (const QueryTerm& term : request_.terms) {
            pictures_.push_back(term.picture.empty() ? image::Image() : decoded(term));
        }
        QueryResult result;
        result.images = context_.index.ids.size();
        std::vector<std::uint32_t> in(result.images);
        for (std::size_t i = 0; i < in.size(); ++i) {
            in[i] = static_cast<std::uint32_t>(i);
        }
        for (std::size_t j = 0; j < request_.stages.size(); ++j) {
            result.stages.push_back(runStage(j, in));
            const StageResult& stage = result.stages.back();
            in.clear();
            for (std::size_t i = 0; j + 1 < request_.stages.size() && i < stage.out; ++i) {
                in.push_back(stage.order[i].index);
            }
        }
        result.ranking = fullRanking(result.stages);
        result.seconds = secondsSince(start);
        return result;
    }

  private:
    StageResult runStage(std::size_t j, const std::vector<std::uint32_t>& in) {
        StageEncoder& encoder = context_.encoder(request_.stages[j].encoder);
        StageResult stage;
        stage.encoder = request_.stages[j].encoder;
        stage.in = in.size();
        const std::vector<float> query = queryVector(encoder, j, stage);
        const EncodingReport report = encodeMissing(encoder, j, in, stage);
        stage.encoded = report.encoded;
        stage.missing = report.missing;
        stage.cached = in.size() - report.encoded - report.missing;
        const auto start = Clock::now();
        std::vector<ScoredImage> scored = score(encoder, query, in, stage);
        stage.histogram = histogramOf(scored);
        const bool last = j + 1 == request_.stages.size();
        stage.out = std::min(last ? scored.size() : request_.stages[j].keep, scored.size());
        // All of a later stage; of the first no more than somebody looks at.
        const std::size_t wanted = last ? request_.depth : std::max(request_.depth, stage.out + request_.fell);
        const std::size_t sorted = j == 0 ? std::min(scored.size(), wanted) : scored.size();
        std::partial_sort(scored.begin(), scored.begin() + static_cast<std::ptrdiff_t>(sorted), scored.end(),
                          isBefore);
        scored.resize(sorted);
        stage.out = last ? stage.in : stage.out;
        if (!last && stage.out > 0) {
            stage.cut_score = scored[stage.out - 1].score;
        }
        stage.order = std::move(scored);
        stage.seconds = secondsSince(start);
        return stage;
    }

    std::vector<float> queryVector(StageEncoder& encoder, std::size_t j, StageResult& stage) {
        std::vector<double> sum(encoder.model().width(), 0.0);
        for (std::size_t t = 0; t < request_.terms.size(); ++t) {
            const QueryTerm& term = request_.terms[t];
            if (!term.picture.empty()) {
                const auto start = Clock::now();
                addScaled(sum, encoder.encodePicture(pictures_[t], &stage.text_flops).data(), term.weight);
                stage.text_seconds += secondsSince(start);
                continue;
            }
            if (!term.text.empty()) {
                const auto start = Clock::now();
                const std::string text = request_.prefix + term.text;
                addScaled(sum, encoder.encodeTexts({&text, 1}, &stage.text_flops).data(), term.weight);
                stage.text_seconds += secondsSince(start);
                continue;
            }
            const auto place = context_.index.places.find(term.image);
            if (place == context_.index.places.end()) {
                fail(ErrorKind::NotFound, "the query's image {} is not in this library", term.image);
            }
            stage.term_encoded += encodeMissing(encoder, j, {place->second}, stage).encoded;
            const float* vector = encoder.vector(context_.index.contents[place->second]);
            if (vector == nullptr) {
                fail(ErrorKind::Io, "the query's image {} cannot be read any more; scan the library", term.image);
            }
            addScaled(sum, vector, term.weight);
        }
        return normalised(sum);
    }

    EncodingReport encodeMissing(StageEncoder& encoder, std::size_t j, const std::vector<std::uint32_t>& in,
                                 StageResult& stage) {
        std::vector<PictureSource> missing;
        for (const std::uint32_t index : in) {
            if (!encoder.has(context_.index.contents[index])) {
                missing.push_back(context_.picture(index));
            }
        }
        // The first stage belongs to the building of the library, whenever it happens.
        const Account account{context_.library, j == 0 ? LedgerEntry::Kind::Ingest : LedgerEntry::Kind::Query,
                              static_cast<int>(j)};
        EncodingReport report = encoder.ensure(missing, account, [this] { return context_.betweenBatches(); });
        if (context_.stop && context_.stop()) {
            fail(ErrorKind::Cancelled, "the query was stopped");
        }
        stage.entries.insert(stage.entries.end(), report.entries.begin(), report.entries.end());
        stage.encode_seconds += report.wall_seconds;
        stage.tower_seconds += report.seconds;
        stage.encode_flops += report.flops;
        stage.vector_bytes += report.bytes;
        return report;
    }

    // Of the images that have a vector. Many are scored by one pass over the file, few each by itself.
    std::vector<ScoredImage> score(StageEncoder& encoder, const std::vector<float>& query,
                                   const std::vector<std::uint32_t>& in, StageResult& stage) {
        const kernels::VectorRows rows = encoder.rows();
        const kernels::ScanQueries queries{query.data(), 1, query.size()};
        const bool all = in.size() * 4 > rows.count;
        std::vector<float> scores;
        if (all) {
            scores.resize(rows.count);
            kernels::scanDots(rows, queries, scores.data(), context_.pool);
        }
        std::vector<ScoredImage> scored;
        scored.reserve(in.size());
        const kernels::ScanTable& table = kernels::bestScan();
        for (const std::uint32_t index : in) {
            const std::int64_t row = encoder.rowOf(context_.index.contents[index]);
            if (row < 0) {
                continue;
            }
            float score = all ? scores[static_cast<std::size_t>(row)] : 0;
            if (!all) {
                table.dots(rows, static_cast<std::size_t>(row), 1, queries, &score, 1);
            }
            scored.push_back({index, std::isnan(score) ? -2.0f : score});
        }
        const auto compared = static_cast<double>((all ? rows.count : scored.size()) * query.size());
        stage.search_flops = 2 * compared;
        stage.search_bytes = compared * sizeof(float);
        return scored;
    }

    // The last stage's order, then what each earlier one dropped, the latest stage first.
    std::vector<std::uint32_t> fullRanking(const std::vector<StageResult>& stages) const {
        std::vector<std::uint32_t> ranking;
        std::vector<bool> placed(context_.index.ids.size());
        for (std::size_t j = stages.size(); j-- > 0;) {
            for (const ScoredImage& image : stages[j].order) {
                if (ranking.size() >= request_.depth) {
                    return ranking;
                }
                if (!placed[image.index]) {
                    placed[image.index] = true;
                    ranking.push_back(image.index);
                }
            }
        }
        return ranking;
    }

    static image::Image decoded(const QueryTerm& term) {
        try {
            return image::decodeImage(std::as_bytes(std::span(term.picture)),
                                      term.text.empty() ? "the query's picture" : term.text,
                                      image::Rotation::Orientation);
        } catch (const Error& error) { // whatever it is, it came with the query
            fail(ErrorKind::InvalidInput, "{}", error.what());
        }
    }

    const QueryRequest& request_;
    const SearchContext& context_;
    std::vector<image::Image> pictures_; // [terms], empty for others
};

} // namespace

void checkStages(const std::vector<QueryStage>& stages) {
    if (stages.empty() || stages.size() > kMostStages) {
        fail(ErrorKind::InvalidInput, "a cascade has 1 to {} stages, this one {}", kMostStages, stages.size());
    }
    for (std::size_t j = 0; j + 1 < stages.size(); ++j) {
        if (stages[j].keep == 0) {
            fail(ErrorKind::InvalidInput,
                 "stage {} ({}) keeps no image for the next; give it a cut-off of at least 1", j + 1,
                 stages[j].encoder);
        }
        if (j > 0 && stages[j].keep > stages[j - 1].keep) {
            fail(ErrorKind::InvalidInput, "stage {} ({}) keeps {} images of the {} that reach it", j + 1,
                 stages[j].encoder, stages[j].keep, stages[j - 1].keep);
        }
    }
}

QueryResult runQuery(const QueryRequest& request, const SearchContext& context) {
    checkStages(request.stages);
    if (request.terms.empty() || request.terms.size() > kMostTerms) {
        fail(ErrorKind::InvalidInput, "a query has 1 to {} terms, this one {}", kMostTerms, request.terms.size());
    }
    return Search(request, context).run();
}

} // namespace fulgurite::cascade
