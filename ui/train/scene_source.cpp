// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/scene_source.h"

#include "ui/train/paper_figures.h"

#include <QCoreApplication>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

QString tr(const char* text) {
    return QCoreApplication::translate("fulgurite::ChartGrid", text);
}

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

// Nothing but ones, or nothing but zeros: what ratios and shares of clipped tokens are where nothing can be
// clipped.
bool saysNothing(const RunCurve& curve) {
    const auto all = [&](double trivial) {
        const auto isTrivial = [trivial](double value) { return !std::isfinite(value) || value == trivial; };
        return std::all_of(curve.values.begin(), curve.values.end(), isTrivial) &&
               std::all_of(curve.least.begin(), curve.least.end(), isTrivial) &&
               std::all_of(curve.most.begin(), curve.most.end(), isTrivial);
    };
    return all(0) || all(1);
}

class Assembly {
  public:
    explicit Assembly(const SceneSource& source) : source_(source), groups_(*source.groups) {}

    SceneInput input() const {
        SceneInput input{.spec = source_.spec,
                         .settings = source_.settings,
                         .series = {},
                         .references = references(),
                         .paper = {},
                         .missing = missing()};
        for (qsizetype i = 0; i < source_.series.size(); ++i) {
            const QString& name = source_.series[i];
            SeriesInput series{.name = name,
                               .label =
                                   source_.spec.labels.value(source_.spec.series.indexOf(name), shortName(name)),
                               .groups = {}};
            for (const RunGroup& group : groups_) {
                if (drawn(group)) {
                    series.groups.push_back(groupInput(group, source_.curves[static_cast<std::size_t>(i)]));
                }
            }
            input.series.push_back(std::move(series));
        }
        if (source_.settings.paper && source_.settings.x == XAxis::Step) {
            input.paper = paperLines(source_.spec.id, source_.paper_figure,
                                     [this](const QString& algorithm) { return lookOf(algorithm); });
        }
        return input;
    }

  private:
    // "addition" of "eval.addition.mean@8": what tells the series of one pattern apart, as long as it does.
    QString shortName(const QString& name) const {
        const auto task = [](const QString& of) { return of.section(u'.', 1, -2); };
        if (!name.startsWith(QLatin1String("eval.")) || task(name).isEmpty()) {
            return name;
        }
        const auto same = std::count_if(source_.series.begin(), source_.series.end(),
                                        [&](const QString& other) { return task(other) == task(name); });
        return same == 1 ? task(name) : name.section(u'.', 1);
    }

    // A fan shows one group: the selected run's, else the first.
    bool drawn(const RunGroup& group) const {
        if (!source_.spec.fan) {
            return true;
        }
        return source_.current_listed
                   ? std::find(group.runs.begin(), group.runs.end(), source_.current) != group.runs.end()
                   : &group == &groups_.front();
    }

    GroupInput groupInput(const RunGroup& group, const RunCurves& curves) const {
        GroupInput input{.label = group.label, .look = group.look, .single = group.single, .lines = {}};
        input.lines.reserve(group.runs.size());
        for (const qint64 id : group.runs) {
            const RunInfo* run = source_.runs.find(id);
            const CurveRef curve = curves.value(id);
            // A flat zero that only says that nothing could be clipped is not drawn. What the configuration says is
            // not enough: programs count updates in several ways, and what was logged was.
            if (run == nullptr ||
                (source_.spec.needs_updates && curve && updatesPerBatch(*run) == 1.0 && saysNothing(*curve))) {
                continue;
            }
            const bool broke_off =
                run->state == RunState::Failed || run->state == RunState::Cut || run->state == RunState::Stopped;
            input.lines.push_back({.run = id,
                                   .label = run->name,
                                   .curve = curve,
                                   .clock = source_.clocks.value(id),
                                   .selected = source_.selected.contains(id),
                                   .broke_off = broke_off});
        }
        return input;
    }

    int lookOf(const QString& algorithm) const {
        for (const RunGroup& group : groups_) {
            const RunInfo* run = source_.runs.find(group.runs.front());
            if (run != nullptr && run->algorithm.compare(algorithm, Qt::CaseInsensitive) == 0) {
                return group.look;
            }
        }
        return algorithm == QLatin1String("cispo") ? 0 : algorithm == QLatin1String("dapo") ? 1 : 2;
    }

    std::vector<ReferenceLine> references() const {
        std::vector<ReferenceLine> lines;
        const RunInfo* run = groups_.empty() ? nullptr : source_.runs.find(groups_.front().runs.front());
        const QString& chart = source_.spec.id;
        const auto add = [&](std::optional<double> value, const QString& name) {
            if (value && *value > 0) {
                lines.push_back({*value, name + QString::number(*value, 'g', 4), false});
            }
        };
        if (run != nullptr && chart == QLatin1String("ratio") &&
            run->algorithm.compare(QLatin1String("cispo"), Qt::CaseInsensitive) == 0) {
            add(numberField(*run, {"objective.cap"}), tr("cap C = "));
        } else if (run != nullptr && chart == QLatin1String("grad_norm")) {
            add(numberField(*run, {"optimizer.clip", "max_grad_norm"}), tr("clip "));
        } else if (run != nullptr && chart == QLatin1String("length")) {
            add(numberField(*run, {"rollout.max_tokens", "max_completion_length", "data.max_response_length"}),
                tr("limit "));
        }
        for (const AlertRule& rule : source_.alerts) {
            if (rule.test != AlertRule::Test::NotFinite && source_.series.contains(rule.series)) {
                const QString word = rule.test == AlertRule::Test::Below ? tr("alert below ") : tr("alert above ");
                lines.push_back({rule.value, word + QString::number(rule.value, 'g', 4), true});
            }
        }
        return lines;
    }

    bool everyRun(const auto& holds) const {
        return std::all_of(groups_.begin(), groups_.end(), [&](const RunGroup& group) {
            return std::all_of(group.runs.begin(), group.runs.end(), holds);
        });
    }

    QString missing() const {
        if (groups_.empty()) {
            return tr("No run is drawn\nTick runs in the list.");
        }
        const auto single_update = [this](qint64 id) {
            const RunInfo* run = source_.runs.find(id);
            return run != nullptr && updatesPerBatch(*run) == 1.0 &&
                   std::all_of(source_.curves.begin(), source_.curves.end(), [id](const RunCurves& curves) {
                       const CurveRef curve = curves.value(id);
                       return curve == nullptr || saysNothing(*curve);
                   });
        };
        if (source_.spec.needs_updates && everyRun(single_update)) {
            return tr("n/a: one update per batch\nmu = 1 holds every ratio at exactly 1, so no token can reach a "
                      "bound. Click to show runs with mu above 1.");
        }
        for (const RunCurves& curves : source_.curves) {
            if (!everyRun([&](qint64 id) { return curves.contains(id); })) {
                return tr("Reading…");
            }
        }
        return tr("Not logged\nNone of the drawn runs has %1.").arg(source_.spec.series.join(tr(" or ")));
    }

    const SceneSource& source_;
    const std::vector<RunGroup>& groups_;
};

} // namespace

// Own runs say it. TRL and verl say how often a batch is gone through, and into how many parts it is cut.
std::optional<double> updatesPerBatch(const RunInfo& run) {
    if (const auto updates = numberField(run, {"updates", "rl.mu", "mu"})) {
        return updates;
    }
    const auto parts = [&run](const char* whole, const char* part) {
        const auto of = numberField(run, {whole});
        const auto by = numberField(run, {part});
        return of && by && *by > 0 ? std::max(1.0, *of / *by) : 1.0;
    };
    if (const auto rounds = numberField(run, {"num_iterations"})) {
        return *rounds * parts("steps_per_generation", "gradient_accumulation_steps");
    }
    if (const auto rounds = numberField(run, {"actor_rollout_ref.actor.ppo_epochs"})) {
        return *rounds * parts("data.train_batch_size", "actor_rollout_ref.actor.ppo_mini_batch_size");
    }
    return {};
}

SceneInput inputOf(const SceneSource& source) {
    return Assembly(source).input();
}

} // namespace fulgurite
