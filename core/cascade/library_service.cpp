// SPDX-License-Identifier: Apache-2.0
#include "core/cascade/library_service.h"

#include "core/cascade/image/resize.h"
#include "core/store/clock.h"

#include <algorithm>

namespace fulgurite::cascade {

LibraryService::LibraryService(ServiceOptions options)
    : options_(std::move(options)),
      encoders_(options_.encoders),
      pool_(options_.threads),
      store_(options_.data),
      scanner_([this](const std::stop_token& stop) { work(stop); }) {
    if (options_.watch) {
        watcher_ = std::jthread([this](const std::stop_token& stop) { watchFolders(stop); });
    }
}

LibraryService::~LibraryService() {
    scanner_.request_stop();
    watcher_.request_stop();
    jobs_changed_.notify_all();
}

std::optional<double> LibraryService::measuredSeconds(const std::string& encoder) {
    const std::lock_guard lock(store_mutex_);
    return store_.measuredSeconds(encoder);
}

std::vector<Library> LibraryService::libraries() {
    const std::lock_guard lock(store_mutex_);
    return store_.libraries();
}

Library LibraryService::library(LibraryId id) {
    const std::lock_guard lock(store_mutex_);
    return store_.library(id);
}

LibraryId LibraryService::create(const std::string& name, const std::vector<std::string>& folders) {
    const std::lock_guard lock(store_mutex_);
    return store_.create(name, folders);
}

void LibraryService::change(LibraryId id, const std::optional<std::string>& name,
                            const std::optional<std::vector<std::string>>& folders) {
    const std::lock_guard lock(store_mutex_);
    if (name) {
        store_.rename(id, *name);
    }
    if (folders) {
        store_.setFolders(id, *folders);
    }
}

void LibraryService::remove(LibraryId id) {
    scan(id, ScanAction::Cancel);
    const std::lock_guard compute(compute_mutex_);
    {
        const std::lock_guard lock(store_mutex_);
        store_.remove(id);
    }
    forgetIndex(id);
}

std::vector<ImageEntry> LibraryService::images(LibraryId id, std::size_t from, std::size_t count) {
    const std::lock_guard lock(store_mutex_);
    return store_.images(id, from, count);
}

ImageEntry LibraryService::image(LibraryId id, ImageId image) {
    const std::lock_guard lock(store_mutex_);
    return store_.image(id, image);
}

std::vector<Unreadable> LibraryService::unreadable(LibraryId id) {
    const std::lock_guard lock(store_mutex_);
    return store_.unreadable(id);
}

std::string LibraryService::thumbnail(LibraryId id, ImageId image, int side) {
    std::string kept;
    {
        const std::lock_guard lock(store_mutex_);
        kept = store_.thumbnail(id, image);
    }
    const auto bytes = std::as_bytes(std::span(kept));
    const image::ImageInfo info = image::inspectImage(bytes, "thumbnail");
    const image::PixelSize size = image::fittedSize(info.width, info.height, side);
    if (size.width >= info.width) {
        return kept;
    }
    constexpr int kQuality = 85;
    return image::encodeJpeg(image::resizeImage(image::decodeImage(bytes, "thumbnail"), size.width, size.height,
                                                image::ResizeFilter::Bilinear),
                             kQuality);
}

StageEncoder& LibraryService::stageEncoder(const std::string& id) {
    auto& encoder = stage_encoders_[id];
    if (!encoder) {
        encoder = std::make_unique<StageEncoder>(encoders_.info(id), encoders_.model(id), store_, store_mutex_,
                                                 options_.data, pool_);
    }
    return *encoder;
}

std::shared_ptr<const LibraryIndex> LibraryService::indexOf(LibraryId id) {
    const std::lock_guard lock(index_mutex_);
    auto& known = indexes_[id];
    if (!known) {
        auto index = std::make_shared<LibraryIndex>();
        const std::lock_guard store_lock(store_mutex_);
        for (const auto& [image, content] : store_.contents(id)) {
            index->places.emplace(image, static_cast<std::uint32_t>(index->ids.size()));
            index->ids.push_back(image);
            index->contents.push_back(content);
        }
        known = std::move(index);
    }
    return known;
}

void LibraryService::forgetIndex(LibraryId id) {
    const std::lock_guard lock(index_mutex_);
    indexes_.erase(id);
}

void LibraryService::withSearch(LibraryId id, const std::function<void(const SearchContext& context)>& work) {
    const std::lock_guard compute(compute_mutex_);
    const auto index = indexOf(id);
    const auto picture = [&](std::uint32_t place) {
        const std::lock_guard lock(store_mutex_);
        const ContentId content = index->contents[place];
        return PictureSource{content, store_.pathOf(id, content), store_.contentHash(content)};
    };
    work({*index,
          [this](const std::string& encoder) -> StageEncoder& { return stageEncoder(encoder); },
          picture,
          pool_,
          {}});
}

QueryOutcome LibraryService::query(LibraryId id, const QueryRequest& request, bool recorded,
                                   const std::function<bool()>& stop) {
    QueryOutcome outcome;
    withSearch(id, [&](const SearchContext& context) {
        SearchContext stoppable = context;
        stoppable.stop = stop;
        outcome.result = runQuery(request, stoppable);
        outcome.ids = context.index.ids;
    });
    nameImages(id, outcome);
    if (recorded) {
        record(id, request, outcome);
    }
    estimate(outcome);
    return outcome;
}

// A scan may have forgotten an image meanwhile: it keeps its place, without a path.
void LibraryService::nameImages(LibraryId id, QueryOutcome& outcome) {
    const std::lock_guard lock(store_mutex_);
    for (const std::uint32_t index : outcome.result.ranking) {
        try {
            outcome.entries.push_back(store_.image(id, outcome.ids[index]));
        } catch (const Error&) {
            outcome.entries.push_back({.id = outcome.ids[index], .path = {}});
        }
    }
}

namespace {

std::string describe(const QueryRequest& request) {
    std::string text;
    for (const QueryTerm& term : request.terms) {
        const std::string what = term.text.empty() ? fmt::format("image {}", term.image) : term.text;
        text += text.empty() ? "" : " ";
        text += term.weight == 1 ? what : fmt::format("{:+g} {}", term.weight, what);
    }
    return text;
}

} // namespace

void LibraryService::record(LibraryId id, const QueryRequest& request, QueryOutcome& outcome) {
    const std::lock_guard lock(store_mutex_);
    Transaction transaction(store_.database());
    outcome.query = store_.addQuery(id, describe(request));
    for (std::size_t j = 0; j < outcome.result.stages.size(); ++j) {
        const StageResult& stage = outcome.result.stages[j];
        LedgerEntry entry{.library = id,
                          .query = outcome.query,
                          .time = nowMilliseconds(),
                          .stage = static_cast<int>(j),
                          .encoder = stage.encoder};
        const auto add = [&](LedgerEntry::Kind kind, std::size_t items, double seconds, double flops,
                             double bytes) {
            entry.kind = kind;
            entry.items = static_cast<std::int64_t>(items);
            entry.seconds = seconds;
            entry.flops = flops;
            entry.bytes = bytes;
            store_.addEntry(entry);
        };
        add(LedgerEntry::Kind::Text, request.terms.size(), stage.text_seconds, stage.text_flops, 0);
        add(LedgerEntry::Kind::Search, stage.in, stage.seconds, stage.search_flops, stage.search_bytes);
        entry.cached = static_cast<std::int64_t>(stage.cached);
        // The first stage belongs to the building of the library, whenever it happens.
        const bool ingest = j == 0;
        if (!ingest || stage.encoded > 0) {
            add(ingest ? LedgerEntry::Kind::Ingest : LedgerEntry::Kind::Query, stage.encoded, stage.tower_seconds,
                stage.encode_flops, stage.vector_bytes);
        }
    }
    transaction.commit();
}

// With nothing cached, a later stage would encode all that reach it, each at its measured cost.
void LibraryService::estimate(QueryOutcome& outcome) {
    double encoding = 0;
    double cold = 0;
    for (std::size_t j = 0; j < outcome.result.stages.size(); ++j) {
        const StageResult& stage = outcome.result.stages[j];
        encoding += stage.encode_seconds;
        const double each = measuredSeconds(stage.encoder).value_or(0);
        outcome.stage_cold_seconds.push_back(j == 0 ? 0 : each * static_cast<double>(stage.in));
        cold += outcome.stage_cold_seconds.back();
    }
    outcome.warm_seconds = outcome.result.seconds - encoding;
    outcome.cold_seconds = outcome.warm_seconds + cold;
}

std::vector<SimulationPoint> LibraryService::simulate(LibraryId id, const std::string& encoder,
                                                      const SimulationSettings& settings,
                                                      const std::function<bool()>& stop) {
    std::vector<SimulationPoint> points;
    withSearch(id, [&](const SearchContext& context) {
        StageEncoder& first = context.encoder(encoder);
        std::vector<std::uint32_t> known; // images that have a vector
        for (std::uint32_t place = 0; place < context.index.ids.size(); ++place) {
            if (first.has(context.index.contents[place])) {
                known.push_back(place);
            }
        }
        std::vector<std::vector<std::uint32_t>> lists(known.size());
        std::vector<std::vector<std::uint32_t>> of_row(first.rows().count);
        for (std::uint32_t i = 0; i < known.size(); ++i) {
            of_row[static_cast<std::size_t>(first.rowOf(context.index.contents[known[i]]))].push_back(i);
        }
        const auto shortlist = [&](std::size_t image) -> std::span<const std::uint32_t> {
            auto& list = lists[image];
            if (list.empty()) {
                const float* query = first.vector(context.index.contents[known[image]]);
                const auto hits = kernels::scanTop(
                    first.rows(), {query, 1, first.model().width()},
                    first.rows().count == known.size() ? settings.keep.front() : first.rows().count, context.pool);
                for (const kernels::ScanHit& hit : hits[0]) {
                    for (const std::uint32_t place : of_row[hit.row]) {
                        if (list.size() < settings.keep.front()) {
                            list.push_back(place);
                        }
                    }
                }
            }
            return list;
        };
        SimulationSettings own = settings;
        own.images = known.size();
        points = cascade::simulate(own, shortlist, stop);
    });
    return points;
}

} // namespace fulgurite::cascade
