// SPDX-License-Identifier: Apache-2.0
#include "core/client/run_mirror.h"

#include "core/base/error.h"
#include "core/store/runs/run_reader.h"

#include <algorithm>
#include <future>

namespace fulgurite::client {

namespace {

constexpr std::size_t kSeriesAtOnce = 200;
constexpr std::size_t kMarksAtOnce = 100'000;
constexpr int kSamplesAtOnce = 64; // of a run; each is a question of its own
constexpr std::int64_t kBeforeAll = -run_step_limit;

bool ended(const RunRecord& run) {
    return run.status != RunStatus::Running && run.status != RunStatus::Paused;
}

// Somebody writes it; who has finished a run may hold it a little longer.
bool atWork(const RunRecord& run) {
    return run.alive && !ended(run);
}

} // namespace

std::string mirroredUri(const std::string& node, const std::string& uri) {
    return std::string(kMirrored) + node + (uri.starts_with('/') ? "" : "/") + uri;
}

struct RunMirror::Copy {
    std::unique_ptr<RunWriter> writer;        // while there is something to write
    std::map<SeriesId, std::int64_t> reached; // by the node's id: the last step that is here
    std::int64_t marked = kBeforeAll;
    std::int64_t sampled = kBeforeAll;           // the last step whose samples are all here
    std::map<SeriesId, std::int64_t> histograms; // by the node's id: the last step that is here
    std::int64_t points = -1;                    // of the node's run, when it was last looked at
    std::int64_t generation = -1;
    RunStatus status = RunStatus::Running;
    bool at_work = false;
    bool complete = false; // nothing was left for the next pass
    bool moved = false; // it got further in this one; a node that announces and does not give is not asked at once

    bool upToDate(const RunRecord& run) const {
        return complete && points == run.points && generation == run.generation && status == run.status &&
               at_work == atWork(run);
    }
};

RunMirror::RunMirror(std::unique_ptr<RunsClient> client, std::filesystem::path file, std::string node,
                     std::string name)
    : client_(std::move(client)), file_(std::move(file)), node_(std::move(node)), name_(std::move(name)) {}

RunMirror::~RunMirror() = default;

void RunMirror::cancel() {
    std::shared_ptr<HttpCall> call;
    {
        const std::scoped_lock lock(mutex_);
        cancelled_ = true;
        call = call_;
    }
    if (call)
        call->cancel();
}

template <class T, class Ask>
T RunMirror::answerOf(const Ask& ask) {
    const auto promise = std::make_shared<std::promise<Outcome<T>>>();
    auto future = promise->get_future();
    {
        const std::scoped_lock lock(mutex_);
        if (cancelled_)
            fail(ErrorKind::Cancelled, "copying the runs of {} was ended", name_);
        call_ = ask([promise](Outcome<T> outcome) { promise->set_value(std::move(outcome)); });
    }
    const Outcome<T> outcome = future.get();
    {
        const std::scoped_lock lock(mutex_);
        call_.reset();
    }
    if (!outcome.ok())
        throw outcome.error();
    return outcome.value();
}

RunMirror::Pass RunMirror::update() {
    Pass pass;
    openRunsFile(file_); // makes it where it is not there yet
    const auto runs = answerOf<std::vector<RunRecord>>([this](auto reply) { return client_->list(reply); });
    for (const RunRecord& run : runs) {
        if (left_out_.contains(run.uuid) || run.source_uri.starts_with(kMirrored))
            continue;
        pass.live = pass.live || atWork(run);
        std::unique_ptr<Copy>& copy = copies_[run.uuid];
        if (!copy)
            copy = std::make_unique<Copy>();
        if (!copy->upToDate(run))
            copyRun(run, *copy, pass);
    }
    return pass;
}

void RunMirror::copyRun(const RunRecord& run, Copy& copy, Pass& pass) {
    try {
        if (!copy.writer && !begin(run, copy))
            return;
        if (copy.generation >= 0 && copy.generation != run.generation) {
            // What was read may be stale: rewound, overwritten, or only renamed.
            copy.writer->rewind(kBeforeAll);
            copy.reached.clear();
            copy.histograms.clear();
            copy.marked = copy.sampled = kBeforeAll;
        }
        copy.complete = true;
        copy.moved = false;
        const SeriesMap here = copyPoints(run, copy, pass);
        copyMarks(run, copy);
        copySamples(run, copy);
        copyHistograms(run, here, copy);
        pass.more = pass.more || (!copy.complete && copy.moved);
        copy.points = run.points;
        copy.generation = run.generation;
        copy.status = run.status;
        copy.at_work = atWork(run);
        if (ended(run) && copy.complete) {
            copy.writer->finish(run.status);
            copy.writer.reset();
        } else {
            copy.writer->setStatus(run.status);
            copy.writer->flush();
            if (!copy.at_work && copy.complete)
                copy.writer.reset(); // so that it counts as cut here, too
        }
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::NotFound)
            throw;
        // Deleted here or on the node while it was copied: it is not brought back.
        copy.writer.reset();
        leaveOut(run.uuid);
    }
}

// Makes the copy or goes on with the one that is there. False: there is nothing to do.
bool RunMirror::begin(const RunRecord& run, Copy& copy) {
    RunReader reader(file_);
    const std::string uri = mirroredUri(node_, run.source_uri);
    if (const auto here = reader.findRun(run.uuid)) {
        const RunRecord have = reader.run(*here);
        if (have.source_uri != uri) { // this machine's own, or another node's
            leaveOut(run.uuid);
            return false;
        }
        if (have.points == run.points && have.status == run.status && !atWork(run)) {
            copy.points = run.points;
            copy.generation = run.generation;
            copy.status = run.status;
            copy.at_work = false;
            copy.complete = true;
            return false;
        }
        try {
            copy.writer = RunWriter::resume(file_, run.uuid);
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::Unavailable)
                throw;
            return false; // another window copies it
        }
        copy.writer->rewind(kBeforeAll);
        return true;
    }
    const auto detail = answerOf<RunDetail>([&](auto reply) { return client_->detail(run.id, reply); });
    NewRun made;
    made.uuid = run.uuid;
    made.project = run.project;
    made.name = run.name;
    made.source = name_;
    made.source_uri = uri;
    made.algo = run.algo;
    made.created_us = run.created_us;
    made.seed = run.seed;
    made.config_json = detail.config;
    made.notes = run.notes;
    made.tags = run.tags;
    copy.writer = RunWriter::create(file_, made);
    return true;
}

// Series that have come equally far are asked for together, which mostly is all of them.
RunMirror::SeriesMap RunMirror::copyPoints(const RunRecord& run, Copy& copy, Pass& pass) {
    const auto series =
        answerOf<std::vector<SeriesRecord>>([&](auto reply) { return client_->series(run.id, reply); });
    SeriesMap here;
    std::map<std::int64_t, std::vector<SeriesId>> behind; // by the step that they have come to
    for (const SeriesRecord& one : series) {
        here[one.id] = copy.writer->series(one.name, one.kind);
        const std::int64_t reached = copy.reached.try_emplace(one.id, kBeforeAll).first->second;
        if (one.max_step && *one.max_step > reached)
            behind[reached].push_back(one.id);
    }
    for (const auto& [step, ids] : behind) {
        for (std::size_t first = 0; first < ids.size(); first += kSeriesAtOnce) {
            const std::vector<SeriesId> some(
                ids.begin() + static_cast<std::ptrdiff_t>(first),
                ids.begin() + static_cast<std::ptrdiff_t>(std::min(ids.size(), first + kSeriesAtOnce)));
            const auto tails = answerOf<SeriesTails>(
                [&, from = step](auto reply) { return client_->tail(run.id, some, from, reply); });
            for (const auto& [id, points] : tails.series) {
                for (const RunPoint& point : points)
                    copy.writer->add(here.at(id), point.step, point.value);
                pass.points += static_cast<std::int64_t>(points.size());
                if (!points.empty() && points.back().step > copy.reached[id]) {
                    copy.reached[id] = points.back().step;
                    copy.moved = true;
                }
            }
            copy.writer->flush(); // so that no more than one answer waits in memory
        }
    }
    copy.complete = copy.complete && std::all_of(series.begin(), series.end(), [&](const SeriesRecord& one) {
                        return !one.max_step || copy.reached[one.id] >= *one.max_step;
                    });
    return here;
}

void RunMirror::copyMarks(const RunRecord& run, Copy& copy) {
    const auto marks = answerOf<std::vector<StepMark>>(
        [&](auto reply) { return client_->marks(run.id, copy.marked + 1, run_step_limit, kMarksAtOnce, reply); });
    for (const StepMark& mark : marks) {
        copy.writer->mark(mark);
        copy.marked = std::max(copy.marked, mark.step);
    }
}

void RunMirror::copySamples(const RunRecord& run, Copy& copy) {
    using Steps = std::vector<std::pair<std::int64_t, std::int64_t>>;
    const auto steps = answerOf<Steps>([&](auto reply) { return client_->sampleSteps(run.id, reply); });
    int left = kSamplesAtOnce;
    for (const auto& [step, count] : steps) {
        // Of the last step of a run that is at work more may come.
        if (step <= copy.sampled || (atWork(run) && step == steps.back().first))
            continue;
        if (left <= 0) {
            copy.complete = false;
            copy.moved = true;
            return;
        }
        for (const RunSample& sample : answerOf<std::vector<RunSample>>(
                 [&, at = step](auto reply) { return client_->samples(run.id, at, reply); })) {
            copy.writer->sample(
                answerOf<RunSample>([&](auto reply) { return client_->sample(run.id, sample.id, reply); }));
            --left;
        }
        copy.sampled = step;
    }
}

void RunMirror::copyHistograms(const RunRecord& run, const SeriesMap& here, Copy& copy) {
    using Last = std::vector<std::pair<SeriesId, std::int64_t>>;
    Last series;
    try {
        series = answerOf<Last>([&](auto reply) { return client_->lastHistograms(run.id, reply); });
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::NotFound)
            throw;
        return; // the node is older than this question; a run that is gone shows in the next pass
    }
    for (const auto& [id, last] : series) {
        std::int64_t& reached = copy.histograms.try_emplace(id, kBeforeAll).first->second;
        const auto target = here.find(id);
        while (reached < last && target != here.end()) {
            const auto some = answerOf<std::vector<StepHistogram>>(
                [&, id = id](auto reply) { return client_->histograms(run.id, id, reached, reply); });
            if (some.empty() || some.back().step <= reached)
                break; // rewound meanwhile, or a node that would be asked for ever
            for (const StepHistogram& histogram : some)
                copy.writer->histogram(target->second, histogram.step, histogram.buckets);
            reached = some.back().step;
            copy.writer->flush();
        }
    }
}

} // namespace fulgurite::client
