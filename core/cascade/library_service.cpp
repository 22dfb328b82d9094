// SPDX-License-Identifier: Apache-2.0
#include "core/cascade/library_service.h"

#include "core/cascade/image/resize.h"
#include "core/cascade/simulated_lists.h"
#include "core/store/clock.h"

#include <algorithm>

namespace fulgurite::cascade {

LibraryService::LibraryService(ServiceOptions options)
    : options_(std::move(options)),
      encoders_(options_.encoders),
      pool_(options_.threads),
      read_pool_(options_.threads),
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

std::optional<EncoderId> LibraryService::checkpointOf(const std::string& encoder) {
    if (const auto loaded = checkpoints_.find(encoder); loaded != checkpoints_.end()) {
        return loaded->second;
    }
    const std::filesystem::path& folder = encoders_.info(encoder).folder;
    return store_.encoderOfFiles(folder.string(), stampOf(folder));
}

std::optional<double> LibraryService::measuredSeconds(const std::string& encoder) {
    const std::lock_guard lock(store_mutex_);
    const std::optional<EncoderId> checkpoint = checkpointOf(encoder);
    return checkpoint ? store_.measuredSeconds(*checkpoint) : std::nullopt;
}

double LibraryService::measuredWall(const std::string& encoder) {
    const std::lock_guard lock(store_mutex_);
    const std::optional<EncoderId> checkpoint = checkpointOf(encoder);
    const auto wall = checkpoint ? store_.measuredWall(*checkpoint) : std::nullopt;
    return wall ? *wall : checkpoint ? store_.measuredSeconds(*checkpoint).value_or(0) : 0;
}

StageCosts LibraryService::costsOf(const std::vector<QueryStage>& stages) {
    StageCosts costs{{}, true};
    for (const QueryStage& stage : stages) {
        costs.each.push_back(measuredSeconds(stage.encoder).value_or(0));
        costs.measured &= costs.each.back() > 0;
    }
    if (!costs.measured) {
        costs.each.clear();
        for (const QueryStage& stage : stages) {
            costs.each.push_back(encoders_.info(stage.encoder).image_flops);
        }
    }
    return costs;
}

double LibraryService::vectorBytes(LibraryId id) {
    const std::lock_guard lock(store_mutex_);
    return store_.vectorBytes(id);
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
    const std::lock_guard<Turns> compute(compute_mutex_);
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
        const std::lock_guard lock(store_mutex_);
        checkpoints_[id] = encoder->id();
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

void LibraryService::withSearch(LibraryId id, const std::function<void(const SearchContext& context)>& work,
                                const std::function<bool()>& stop) {
    std::unique_lock compute(compute_mutex_);
    const auto index = indexOf(id);
    const auto picture = [&](std::uint32_t place) {
        const std::lock_guard lock(store_mutex_);
        const ContentId content = index->contents[place];
        return PictureSource{content, store_.pathOf(id, content), store_.contentHash(content)};
    };
    const auto pause = [&compute] { // whoever waits comes first
        compute.unlock();
        compute.lock();
    };
    work({id, *index, [this](const std::string& encoder) -> StageEncoder& { return stageEncoder(encoder); },
          picture, pool_, pause, stop});
}

QueryOutcome LibraryService::query(LibraryId id, const QueryRequest& request, bool recorded,
                                   const std::function<bool()>& stop) {
    QueryOutcome outcome;
    withSearch(
        id,
        [&](const SearchContext& context) {
            outcome.result = runQuery(request, context);
            outcome.ids = context.index.ids;
        },
        stop);
    nameImages(id, outcome);
    record(id, request, recorded, outcome);
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
        const std::string what = !term.picture.empty() ? "picture " + term.text
                                 : term.text.empty()   ? fmt::format("image {}", term.image)
                                                       : term.text;
        text += text.empty() ? "" : " ";
        text += term.weight == 1 ? what : fmt::format("{:+g} {}", term.weight, what);
    }
    return text;
}

} // namespace

// The batches' entries become one of the query; those of a query that leaves no trace stay without a number.
void LibraryService::record(LibraryId id, const QueryRequest& request, bool recorded, QueryOutcome& outcome) {
    const std::lock_guard lock(store_mutex_);
    Transaction transaction(store_.database());
    outcome.query = recorded ? store_.addQuery(id, describe(request)) : 0;
    for (std::size_t j = 0; j < outcome.result.stages.size(); ++j) {
        const StageResult& stage = outcome.result.stages[j];
        LedgerEntry entry{.library = id,
                          .query = outcome.query,
                          .time = nowMilliseconds(),
                          .stage = static_cast<int>(j),
                          .encoder = stage.encoder,
                          .checkpoint = checkpointOf(stage.encoder).value_or(0)};
        const auto add = [&](LedgerEntry::Kind kind, std::size_t items, double seconds, double flops,
                             double bytes) {
            entry.kind = kind;
            entry.items = static_cast<std::int64_t>(items);
            entry.seconds = seconds;
            entry.flops = flops;
            entry.bytes = bytes;
            store_.addEntry(entry);
        };
        if (recorded) {
            add(LedgerEntry::Kind::Text, request.terms.size(), stage.text_seconds, stage.text_flops, 0);
            add(LedgerEntry::Kind::Search, stage.in, stage.seconds, stage.search_flops, stage.search_bytes);
        }
        if (!stage.entries.empty()) {
            store_.mergeEntries(stage.entries, outcome.query, static_cast<std::int64_t>(stage.cached));
        } else if (recorded && j > 0) {
            entry.cached = static_cast<std::int64_t>(stage.cached);
            add(LedgerEntry::Kind::Query, 0, 0, 0, 0);
        }
    }
    transaction.commit();
}

// With nothing cached, a later stage would read and encode all that reach it, each as long as one has taken so far.
void LibraryService::estimate(QueryOutcome& outcome) {
    outcome.warm_seconds = 0;
    double cold = 0;
    for (std::size_t j = 0; j < outcome.result.stages.size(); ++j) {
        const StageResult& stage = outcome.result.stages[j];
        outcome.warm_seconds += stage.seconds + stage.text_seconds;
        const double each = j == 0 ? 0 : measuredWall(stage.encoder);
        outcome.stage_cold_seconds.push_back(each * static_cast<double>(stage.in));
        cold += outcome.stage_cold_seconds.back();
    }
    outcome.cold_seconds = outcome.warm_seconds + cold;
}

Simulation LibraryService::simulate(LibraryId id, const std::string& encoder, const SimulationSettings& settings,
                                    const std::function<bool()>& stop) {
    Simulation simulation;
    withSearch(
        id,
        [&](const SearchContext& context) {
            SimulatedLists lists(context, context.encoder(encoder), settings.keep.front());
            SimulationSettings own = settings;
            own.images = lists.size();
            simulation.images = own.images;
            simulation.points = cascade::simulate(
                own, [&](std::size_t image) { return lists.of(image); },
                [&context] { return context.betweenBatches(); });
        },
        stop);
    return simulation;
}

} // namespace fulgurite::cascade
