// SPDX-License-Identifier: Apache-2.0
#include "core/store/runs/run_reader.h"

#include "core/store/runs/rollout_codec.h"

#include <algorithm>
#include <limits>
#include <map>

namespace fulgurite {

namespace {

RunPoint pointOf(const Statement& row) {
    return {row.integer(0), row.isNull(1) ? std::numeric_limits<double>::quiet_NaN() : row.real(1)};
}

StepMark markOf(const Statement& row) {
    return {row.integer(0), row.integerOrNothing(1), row.integerOrNothing(2), row.realOrNothing(3)};
}

SeriesRecord seriesOf(const Statement& row) {
    SeriesRecord result;
    result.id = row.integer(0);
    result.name = row.string(1);
    result.canonical = row.string(2);
    result.kind = static_cast<SeriesKind>(row.integer(3));
    result.points = row.integer(4);
    result.min_step = row.integerOrNothing(5);
    result.max_step = row.integerOrNothing(6);
    result.last_value = row.realOrNothing(7);
    result.min_value = row.realOrNothing(8);
    result.max_value = row.realOrNothing(9);
    result.nan = row.integer(10);
    result.infinite = row.integer(11);
    result.overwritten = row.integer(12);
    return result;
}

RunSample sampleOf(const Statement& row) {
    RunSample sample;
    sample.id = row.integer(0);
    sample.step = row.integer(1);
    sample.group = row.integer(2);
    sample.prompt = row.string(3);
    sample.completion = row.string(4);
    sample.reward = row.realOrNothing(5);
    sample.advantage = row.realOrNothing(6);
    sample.meta_json = row.string(7);
    sample.token_count = row.integer(8);
    return sample;
}

constexpr const char* run_columns = "SELECT id, uuid, project, name, source, source_uri, algo, created_us, "
                                    "ended_us, status, parent_id, seed, notes, "
                                    "run_state.last_step, run_state.series, run_state.points, run_state.generation "
                                    "FROM runs LEFT JOIN run_state ON run_id = id ";
constexpr const char* series_columns =
    "SELECT id, raw_name, canonical, kind, n, min_step, max_step, last_value, min_value, max_value, nan_n, inf_n, "
    "overwritten FROM series LEFT JOIN series_state ON sid = id ";
constexpr const char* sample_columns =
    "SELECT id, step, group_id, prompt, completion, reward, advantage, meta_json, token_count FROM samples ";

std::int64_t clampStep(std::int64_t step) {
    return std::clamp(step, -run_step_limit, run_step_limit);
}

constexpr int lowest_stored_level = 1; // buckets of 16 steps never hold the 32 points that deserve a row

// The widest buckets that are not wider than a column; -1 for points.
int levelFor(std::int64_t steps, std::size_t columns) {
    int level = pyramid_levels - 1;
    while (level >= 0 && pyramidWidth(level) > steps / static_cast<std::int64_t>(columns))
        --level;
    return level;
}

} // namespace

RunReader::RunReader(const std::filesystem::path& file)
    : database_(readRunsFile(file)), pyramid_(*database_), owners_(file), seen_version_(database_->dataVersion()) {}

bool RunReader::changed() {
    const std::int64_t version = database_->dataVersion();
    return std::exchange(seen_version_, version) != version;
}

void RunReader::watch(bool on) {
    if (on && !watch_)
        watch_.emplace(file());
    else if (!on)
        watch_.reset();
}

RunRecord RunReader::runOf(const Statement& row) {
    RunRecord result;
    result.id = row.integer(0);
    result.uuid = row.string(1);
    result.project = row.string(2);
    result.name = row.string(3);
    result.source = row.string(4);
    result.source_uri = row.string(5);
    result.algo = row.string(6);
    result.created_us = row.integer(7);
    result.ended_us = row.integerOrNothing(8);
    result.status = static_cast<RunStatus>(row.integer(9));
    result.parent = row.integerOrNothing(10);
    result.seed = row.integerOrNothing(11);
    result.notes = row.string(12);
    result.last_step = row.integerOrNothing(13);
    result.series = row.integer(14);
    result.points = row.integer(15);
    result.generation = row.integer(16);
    result.alive = owners_.owned(result.id);
    return result;
}

std::vector<RunRecord> RunReader::runs() {
    std::vector<RunRecord> result;
    Statement select = database_->prepare(std::string(run_columns) + "ORDER BY created_us DESC, id DESC");
    while (select.step())
        result.push_back(runOf(select));
    std::map<RunId, std::vector<std::string>> tags;
    Statement tag = database_->prepare("SELECT run_id, tag FROM run_tags ORDER BY run_id, tag");
    while (tag.step())
        tags[tag.integer(0)].push_back(tag.string(1));
    for (RunRecord& run : result) {
        if (const auto found = tags.find(run.id); found != tags.end())
            run.tags = std::move(found->second);
    }
    return result;
}

RunRecord RunReader::run(RunId run) {
    Statement select = database_->prepare(std::string(run_columns) + "WHERE id = ?");
    if (!select.bind(run).step())
        fail(ErrorKind::NotFound, "{}: there is no run {}", file().string(), run);
    RunRecord result = runOf(select);
    Statement tag = database_->prepare("SELECT tag FROM run_tags WHERE run_id = ? ORDER BY tag");
    tag.bind(run);
    while (tag.step())
        result.tags.push_back(tag.string(0));
    return result;
}

std::optional<RunId> RunReader::findRun(const std::string& uuid) {
    return database_->integer("SELECT id FROM runs WHERE uuid = ?", uuid);
}

std::string RunReader::config(RunId run) {
    Statement select = database_->prepare("SELECT config_json FROM runs WHERE id = ?");
    return select.bind(run).step() ? select.string(0) : "{}";
}

std::vector<SeriesRecord> RunReader::series(RunId run) {
    std::vector<SeriesRecord> result;
    Statement select = database_->prepare(std::string(series_columns) + "WHERE run_id = ? ORDER BY raw_name");
    select.bind(run);
    while (select.step())
        result.push_back(seriesOf(select));
    return result;
}

std::optional<SeriesRecord> RunReader::findSeries(RunId run, const std::string& name) {
    Statement select = database_->prepare(std::string(series_columns) + "WHERE run_id = ? AND raw_name = ?");
    return select.bind(run, name).step() ? std::optional(seriesOf(select)) : std::nullopt;
}

std::vector<RunPoint> RunReader::points(SeriesId series, std::int64_t from, std::int64_t to, std::size_t limit) {
    std::vector<RunPoint> result;
    Statement select = database_->prepare(
        "SELECT step, value FROM points WHERE sid = ? AND step >= ? AND step <= ? ORDER BY step LIMIT ?");
    select.bind(series, from, to, limit);
    while (select.step())
        result.push_back(pointOf(select));
    return result;
}

std::vector<RunPoint> RunReader::tail(SeriesId series, std::int64_t step, std::size_t limit) {
    return points(series, clampStep(step) + 1, run_step_limit, limit);
}

// As if the series' points were spread evenly.
double RunReader::expectedPoints(SeriesId series, std::int64_t begin, std::int64_t end) {
    Statement select = database_->prepare("SELECT n, min_step, max_step FROM series WHERE id = ?");
    if (!select.bind(series).step() || select.isNull(1))
        return 0;
    const std::int64_t first = select.integer(1);
    const std::int64_t last = select.integer(2) + 1;
    const auto shared = static_cast<double>(std::min(end, last) - std::max(begin, first));
    return static_cast<double>(select.integer(0)) * std::max(0.0, shared) / static_cast<double>(last - first);
}

SeriesView RunReader::view(SeriesId series, std::int64_t from, std::int64_t to, std::size_t columns) {
    SeriesView result;
    const std::int64_t begin = clampStep(from);
    const std::int64_t end = clampStep(to) + 1;
    if (begin >= end || columns == 0)
        return result;
    const std::size_t most = 2 * columns;
    const int level = levelFor(end - begin, columns);
    std::vector<RunPoint> few;
    // Whether there are few is asked of the points only where that is likely, or where no bucket is narrow enough,
    // so that all of them are read anyway.
    const bool all = level < lowest_stored_level;
    if (all || expectedPoints(series, begin, end) <= 2 * static_cast<double>(most)) {
        few = points(series, begin, end - 1, all ? std::numeric_limits<std::int64_t>::max() : most + 1);
        result.exact = few.size() <= most;
    }
    if (result.exact) {
        result.columns.reserve(few.size());
        for (const RunPoint& point : few) {
            result.columns.push_back({point.step, point.step + 1, {}});
            result.columns.back().summary.add(point.value);
        }
        return result;
    }
    const double width = static_cast<double>(end - begin) / static_cast<double>(columns);
    const auto edge = [&](std::size_t column) {
        return begin + static_cast<std::int64_t>(width * static_cast<double>(column));
    };
    std::size_t column = 0;
    const auto summaryAt = [&](std::int64_t piece) -> PointSummary& {
        bool next = result.columns.empty();
        for (; column + 1 < columns && piece >= edge(column + 1); ++column)
            next = true;
        if (next)
            result.columns.push_back({edge(column), column + 1 == columns ? end : edge(column + 1), {}});
        return result.columns.back().summary;
    };
    if (!all) {
        pyramid_.scan(series, begin, end, level,
                      [&](std::int64_t piece, std::int64_t, const PointSummary& summary) {
                          summaryAt(piece).merge(summary);
                      });
        return result;
    }
    for (const RunPoint& point : few)
        summaryAt(point.step).add(point.value);
    return result;
}

std::vector<StepMark> RunReader::marks(RunId run, std::int64_t from, std::int64_t to, std::size_t limit) {
    std::vector<StepMark> result;
    {
        Statement select = database_->prepare("SELECT step, wall_us, tokens, epoch FROM steps "
                                              "WHERE run_id = ? AND step >= ? AND step <= ? ORDER BY step LIMIT ?");
        select.bind(run, from, to, limit + 1);
        while (select.step())
            result.push_back(markOf(select));
    }
    if (result.size() <= limit || limit < 2)
        return result;
    const std::int64_t first = result.front().step;
    result.clear();
    const auto last = markAt(run, to);
    const double stride = static_cast<double>(last->step - first) / static_cast<double>(limit - 1);
    for (std::size_t i = 0; i < limit; ++i) {
        const auto mark = markAt(run, first + static_cast<std::int64_t>(stride * static_cast<double>(i)));
        if (mark && (result.empty() || mark->step > result.back().step))
            result.push_back(*mark);
    }
    if (last->step > result.back().step)
        result.push_back(*last);
    return result;
}

std::optional<StepMark> RunReader::markAt(RunId run, std::int64_t step) {
    Statement select = database_->prepare("SELECT step, wall_us, tokens, epoch FROM steps "
                                          "WHERE run_id = ? AND step <= ? ORDER BY step DESC LIMIT 1");
    return select.bind(run, step).step() ? std::optional(markOf(select)) : std::nullopt;
}

std::vector<std::pair<std::int64_t, std::int64_t>> RunReader::sampleSteps(RunId run) {
    std::vector<std::pair<std::int64_t, std::int64_t>> result;
    Statement select =
        database_->prepare("SELECT step, count(*) FROM samples WHERE run_id = ? GROUP BY step ORDER BY step");
    select.bind(run);
    while (select.step())
        result.emplace_back(select.integer(0), select.integer(1));
    return result;
}

std::vector<RunSample> RunReader::samples(RunId run, std::int64_t step) {
    std::vector<RunSample> result;
    Statement select =
        database_->prepare(std::string(sample_columns) + "WHERE run_id = ? AND step = ? ORDER BY group_id, id");
    select.bind(run, step);
    while (select.step())
        result.push_back(sampleOf(select));
    return result;
}

RunSample RunReader::sample(RunId run, SampleId sample) {
    Statement select = database_->prepare(std::string(sample_columns) + "WHERE id = ? AND run_id = ?");
    if (!select.bind(sample, run).step())
        fail(ErrorKind::NotFound, "run {} has no sample {}", run, sample);
    RunSample result = sampleOf(select);
    Statement tokens = database_->prepare("SELECT tokens FROM sample_tokens WHERE sample_id = ?");
    if (tokens.bind(sample).step())
        result.tokens = decodeRolloutTokens(tokens.blob(0), fmt::format("{}, sample {}", file().string(), sample));
    return result;
}

std::vector<std::int64_t> RunReader::histogramSteps(SeriesId series) {
    std::vector<std::int64_t> result;
    Statement select = database_->prepare("SELECT step FROM hist WHERE sid = ? ORDER BY step");
    select.bind(series);
    while (select.step())
        result.push_back(select.integer(0));
    return result;
}

std::vector<std::pair<SeriesId, std::int64_t>> RunReader::lastHistograms(RunId run) {
    std::vector<std::pair<SeriesId, std::int64_t>> result;
    Statement select =
        database_->prepare("SELECT id, (SELECT max(step) FROM hist WHERE sid = id) AS last FROM series "
                           "WHERE run_id = ? AND last IS NOT NULL ORDER BY id");
    select.bind(run);
    while (select.step())
        result.emplace_back(select.integer(0), select.integer(1));
    return result;
}

std::vector<HistogramBucket> RunReader::histogram(SeriesId series, std::int64_t step) {
    Statement select = database_->prepare("SELECT blob FROM hist WHERE sid = ? AND step = ?");
    if (!select.bind(series, step).step())
        return {};
    return decodeHistogram(select.blob(0),
                           fmt::format("{}, histogram of series {}, step {}", file().string(), series, step));
}

} // namespace fulgurite
