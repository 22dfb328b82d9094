// SPDX-License-Identifier: GPL-3.0-or-later
// What each chart draws: the curves it needs are asked for, and scenes are worked out off the window's thread.
#include "ui/base/background.h"
#include "ui/train/chart_grid.h"
#include "ui/train/paper_figures.h"
#include "ui/train/run_look.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace fulgurite {
namespace {

// The first of the fields that holds a number.
std::optional<double> numberField(const RunInfo& run, std::initializer_list<const char*> fields) {
    for (const char* field : fields) {
        const auto value = run.config.constFind(QLatin1String(field));
        bool number = false;
        const double result = value != run.config.constEnd() ? value->toDouble(&number) : 0;
        if (number) {
            return result;
        }
    }
    return {};
}

const RunInfo* firstRun(const RunFeed& feed, const std::vector<RunGroup>& groups) {
    return groups.empty() ? nullptr : feed.run(groups.front().runs.front());
}

} // namespace

std::optional<double> updatesPerBatch(const RunInfo& run) {
    return numberField(run, {"updates", "num_iterations", "rl.mu", "mu", "actor_rollout_ref.actor.ppo_epochs"});
}

void ChartGrid::want() {
    std::vector<CurveKey> keys;
    const std::vector<qint64> runs = board_.drawnRuns();
    for (const auto& entry : entries_) {
        if (!enlarged_.isEmpty() && entry->spec.id != enlarged_) {
            continue;
        }
        for (const QString& name : entry->series) {
            for (const qint64 run : runs) {
                keys.push_back({run, name});
            }
        }
    }
    QSet<CurveKey> seen(keys.begin(), keys.end());
    for (const AlertRule& rule : alerts_) {
        for (const qint64 run : runs) {
            if (!seen.contains({run, rule.series})) {
                seen.insert({run, rule.series});
                keys.push_back({run, rule.series});
            }
        }
    }
    if (keys != wanted_) {
        wanted_ = keys;
        board_.feed().want(keys);
    }
}

void ChartGrid::markDirty() {
    for (const auto& entry : entries_) {
        entry->dirty = true;
    }
    if (!build_timer_.isActive()) {
        build_timer_.start();
    }
}

void ChartGrid::buildScenes() {
    for (const auto& entry : entries_) {
        if (entry->dirty && !entry->building && (enlarged_.isEmpty() || entry->spec.id == enlarged_)) {
            build(*entry);
        }
    }
}

void ChartGrid::build(Entry& entry) {
    entry.dirty = false;
    entry.building = true;
    const std::vector<RunGroup> groups = board_.drawnGroups();
    auto input = std::make_shared<const SceneInput>(inputOf(entry, groups));
    inBackground(
        entry.chart, [input] { return buildScene(*input); },
        [this, id = entry.spec.id](const SceneRef& scene) {
            const auto found = std::find_if(entries_.begin(), entries_.end(),
                                            [&](const auto& each) { return each->spec.id == id; });
            if (found == entries_.end()) {
                return;
            }
            Entry& built = **found;
            built.building = false;
            built.chart->setScene(scene);
            followExtent();
            if (built.dirty && !build_timer_.isActive()) {
                build_timer_.start();
            }
        });
}

// One horizontal extent for all charts, so that a place means the same in each.
void ChartGrid::followExtent() {
    double low = INFINITY;
    double high = -INFINITY;
    for (const auto& entry : entries_) {
        const Scene& scene = *entry->chart->scene();
        const ChartSettings& now = board_.settings();
        if (!scene.empty && scene.settings.x == now.x && scene.settings.log_x == now.log_x) {
            low = std::min(low, scene.x_low);
            high = std::max(high, scene.x_high);
        }
    }
    if (low < high) {
        link_.setFull(low, high);
    }
}

GroupInput ChartGrid::groupInput(const RunGroup& group, const QString& series, const ChartSpec& spec) const {
    const RunFeed& feed = board_.feed();
    GroupInput input{.label = group.label, .look = group.look, .single = group.single, .lines = {}};
    for (const qint64 id : group.runs) {
        const RunInfo* run = feed.run(id);
        // A flat zero that only says that nothing could be clipped is not drawn.
        if (run == nullptr || (spec.needs_updates && updatesPerBatch(*run) == 1.0)) {
            continue;
        }
        const bool broke_off =
            run->state == RunState::Failed || run->state == RunState::Cut || run->state == RunState::Stopped;
        input.lines.push_back({.run = id,
                               .label = run->name,
                               .curve = feed.curve({id, series}),
                               .clock = feed.clock(id),
                               .selected = board_.selected(id),
                               .broke_off = broke_off});
    }
    return input;
}

SceneInput ChartGrid::inputOf(const Entry& entry, const std::vector<RunGroup>& groups) const {
    SceneInput input{.spec = entry.spec,
                     .settings = board_.settings(),
                     .series = {},
                     .references = {},
                     .paper = {},
                     .missing = missingText(entry, groups)};
    for (const QString& name : entry.series) {
        const qsizetype place = entry.spec.series.indexOf(name);
        SeriesInput series{.name = name, .label = entry.spec.labels.value(place, name), .groups = {}};
        for (const RunGroup& group : groups) {
            // A fan shows one group: the selected run's, else the first.
            if (entry.spec.fan && &group != &groups.front() && board_.current() == 0) {
                break;
            }
            const bool here = std::find(group.runs.begin(), group.runs.end(), board_.current()) != group.runs.end();
            if (!entry.spec.fan || here ||
                (board_.groupOf(board_.current()) == nullptr && &group == &groups.front())) {
                series.groups.push_back(groupInput(group, name, entry.spec));
            }
        }
        input.series.push_back(std::move(series));
    }
    input.references = referencesOf(entry, groups);
    if (input.settings.paper && input.settings.x == XAxis::Step) {
        input.paper = paperLines(entry.spec.id, paper_figure_, [&](const QString& algorithm) {
            for (const RunGroup& group : groups) {
                const RunInfo* run = board_.feed().run(group.runs.front());
                if (run != nullptr && run->algorithm.compare(algorithm, Qt::CaseInsensitive) == 0) {
                    return group.look;
                }
            }
            return algorithm == QLatin1String("cispo") ? 0 : algorithm == QLatin1String("dapo") ? 1 : 2;
        });
    }
    return input;
}

std::vector<ReferenceLine> ChartGrid::referencesOf(const Entry& entry, const std::vector<RunGroup>& groups) const {
    std::vector<ReferenceLine> lines;
    const RunInfo* run = firstRun(board_.feed(), groups);
    const auto add = [&](std::optional<double> value, const QString& name) {
        if (value && *value > 0) {
            lines.push_back({*value, name + QString::number(*value, 'g', 4), false});
        }
    };
    if (run != nullptr && entry.spec.id == QLatin1String("ratio") &&
        run->algorithm.compare(QLatin1String("cispo"), Qt::CaseInsensitive) == 0) {
        add(numberField(*run, {"objective.cap"}), tr("cap C = "));
    } else if (run != nullptr && entry.spec.id == QLatin1String("grad_norm")) {
        add(numberField(*run, {"optimizer.clip", "max_grad_norm"}), tr("clip "));
    } else if (run != nullptr && entry.spec.id == QLatin1String("length")) {
        add(numberField(*run, {"rollout.max_tokens", "max_completion_length", "data.max_response_length"}),
            tr("limit "));
    }
    for (const AlertRule& rule : alerts_) {
        if (rule.test != AlertRule::Test::NotFinite && entry.series.contains(rule.series)) {
            const QString word = rule.test == AlertRule::Test::Below ? tr("alert below ") : tr("alert above ");
            lines.push_back({rule.value, word + QString::number(rule.value, 'g', 4), true});
        }
    }
    return lines;
}

QString ChartGrid::missingText(const Entry& entry, const std::vector<RunGroup>& groups) const {
    if (groups.empty()) {
        return tr("No run is drawn\nTick runs in the list.");
    }
    if (entry.spec.needs_updates) {
        int single = 0;
        int runs = 0;
        for (const RunGroup& group : groups) {
            for (const qint64 id : group.runs) {
                const RunInfo* run = board_.feed().run(id);
                ++runs;
                single += run != nullptr && updatesPerBatch(*run) == 1.0 ? 1 : 0;
            }
        }
        if (single == runs) {
            return tr("n/a: one update per batch\nmu = 1 holds every ratio at exactly 1, so no token can reach a "
                      "bound. Click to show runs with mu above 1.");
        }
    }
    for (const RunGroup& group : groups) {
        for (const qint64 run : group.runs) {
            for (const QString& name : entry.series) {
                if (!board_.feed().hasRead({run, name})) {
                    return tr("Reading…");
                }
            }
        }
    }
    return tr("Not logged\nNone of the drawn runs has %1.").arg(entry.spec.series.join(tr(" or ")));
}

// Long series are read closer where the charts are zoomed in; only steps can be asked for.
void ChartGrid::followZoom() {
    if (!link_.zoomed() || board_.settings().x != XAxis::Step) {
        if (std::exchange(looked_at_, {})) {
            board_.feed().lookAt({});
        }
        return;
    }
    const auto [low, high] = link_.range();
    const auto left = static_cast<qint64>(std::floor(link_.place(low)));
    const auto right = static_cast<qint64>(std::ceil(link_.place(high)));
    const qint64 width = std::max<qint64>(1, right - left);
    const bool covered = looked_at_ && looked_at_->first <= left && right <= looked_at_->second &&
                         looked_at_->second - looked_at_->first <= 4 * width;
    if (!covered) { // with a margin, so that a short pan finds points
        looked_at_ = std::pair(left - width / 2, right + width / 2);
        board_.feed().lookAt(looked_at_);
    }
}

void ChartGrid::openRollouts(const CurveChart&, qint64 run, double place) {
    qint64 chosen = run != 0 ? run : board_.current();
    if (chosen == 0) {
        const std::vector<qint64> drawn = board_.drawnRuns();
        chosen = drawn.empty() ? 0 : drawn.front();
    }
    const XAxis axis = board_.settings().x;
    qint64 step = std::llround(place);
    if (const ClockRef clock = board_.feed().clock(chosen); axis != XAxis::Step && clock && !clock->steps.empty()) {
        const std::vector<double>& values = axis == XAxis::Tokens ? clock->tokens : clock->seconds;
        const double wanted = axis == XAxis::Elapsed ? place + clock->seconds.front() : place;
        const auto at = indexAt(values, wanted).value_or(0);
        step = clock->steps[at];
    }
    if (chosen != 0) {
        emit rolloutsWanted(chosen, step);
    }
}

bool ChartGrid::settled() const {
    return !board_.feed().reading() && !build_timer_.isActive() && !want_timer_.isActive() &&
           std::all_of(entries_.begin(), entries_.end(), [](const auto& entry) {
               return !entry->dirty && !entry->building && (!entry->chart->isVisible() || entry->chart->settled());
           });
}

} // namespace fulgurite
