// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/run_board.h"

#include "ui/train/run_look.h"

#include <QJsonArray>

#include <algorithm>

namespace fulgurite {
namespace {

// Numbers by value, texts by letter; runs without the field come last.
bool before(const QString& a, const QString& b) {
    bool number_a = false;
    bool number_b = false;
    const double x = a.toDouble(&number_a);
    const double y = b.toDouble(&number_b);
    if (number_a && number_b) {
        return x < y;
    }
    return a.isEmpty() != b.isEmpty() ? b.isEmpty() : a.compare(b, Qt::CaseInsensitive) < 0;
}

} // namespace

RunBoard::RunBoard(RunFeed& feed, QObject* parent) : QObject(parent), feed_(feed) {
    connect(&feed_, &RunFeed::runsChanged, this, [this] { followRuns(false); });
}

void RunBoard::setFilter(const QString& text) {
    filter_text_ = text;
    filter_ = RunFilter::parse(text);
    if (!filterProblem()) {
        good_filter_ = filter_;
    }
    followRuns(true);
}

std::optional<FilterProblem> RunBoard::filterProblem() const {
    return filter_.problem() ? filter_.problem() : filter_.unknownField(*feed_.runs());
}

void RunBoard::followRuns(bool redraw) {
    const std::vector<qint64> before = std::move(matching_);
    matching_.clear();
    RunInfo room;
    for (const RunInfo& run : *feed_.runs()) {
        if (!removed_.contains(run.id) && good_filter_.matches(seen(run, room))) {
            matching_.push_back(run.id);
        }
    }
    arrange();
    emit listChanged();
    if (redraw || before != matching_) {
        emit drawnChanged();
    }
}

void RunBoard::setGroupField(const QString& field) {
    if (field == group_field_) {
        return;
    }
    group_field_ = field;
    arrange();
    emit listChanged();
    emit drawnChanged();
}

void RunBoard::arrange() {
    drawn_groups_.reset();
    groups_.clear();
    group_of_.clear();
    QHash<QString, std::size_t> index;
    RunInfo room;
    for (const qint64 id : matching_) {
        const RunInfo& run = *feed_.run(id);
        const bool single = group_field_.isEmpty();
        const QString key =
            single ? QString::number(id) : RunFilter::fieldValue(seen(run, room), group_field_).value_or(QString());
        auto found = index.find(key);
        if (found == index.end()) {
            found = index.insert(key, groups_.size());
            const QString label = single ? run.name : key.isEmpty() ? tr("no %1").arg(group_field_) : key;
            groups_.push_back({.key = key, .label = label, .look = 0, .single = single, .runs = {}});
        }
        groups_[*found].runs.push_back(id);
    }
    if (!group_field_.isEmpty()) {
        std::stable_sort(groups_.begin(), groups_.end(),
                         [](const RunGroup& a, const RunGroup& b) { return before(a.key, b.key); });
    }
    // Colours go to what is drawn first; what is hidden keeps none from the others.
    std::size_t next = 0;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
        RunGroup& group = groups_[i];
        const bool any = std::any_of(group.runs.begin(), group.runs.end(), [this](qint64 id) { return drawn(id); });
        group.look = lookOf(group, any ? next++ : static_cast<std::size_t>(kPlainLook));
        for (const qint64 run : group.runs) {
            group_of_.insert(run, i);
        }
    }
}

int RunBoard::lookOf(const RunGroup& group, std::size_t index) const {
    return chosen_looks_.value(group.key, static_cast<int>(std::min<std::size_t>(index, kPlainLook)));
}

const RunGroup* RunBoard::groupOf(qint64 run) const {
    const auto found = group_of_.constFind(run);
    return found == group_of_.constEnd() ? nullptr : &groups_[*found];
}

std::optional<int> RunBoard::chosenLook(const QString& group) const {
    const auto found = chosen_looks_.constFind(group);
    return found == chosen_looks_.constEnd() ? std::optional<int>() : *found;
}

void RunBoard::setRemoved(const QSet<qint64>& runs) {
    removed_ = runs;
    select(QSet<qint64>(selected_).subtract(runs));
    followRuns(false);
}

void RunBoard::setPaused(const QSet<qint64>& runs) {
    if (runs != paused_) {
        paused_ = runs;
        followRuns(false);
    }
}

// With the state that it has for a person; a copy of it in `room` where that is another than the file's.
const RunInfo& RunBoard::seen(const RunInfo& run, RunInfo& room) const {
    if (stateOf(run) == run.state) {
        return run;
    }
    room = run;
    room.state = stateOf(run);
    return room;
}

RunState RunBoard::stateOf(const RunInfo& run) const {
    return run.state == RunState::Running && paused_.contains(run.id) ? RunState::Paused : run.state;
}

void RunBoard::setLook(const QString& group, std::optional<int> look) {
    if (look) {
        chosen_looks_.insert(group, *look);
    } else {
        chosen_looks_.remove(group);
    }
    arrange();
    emit listChanged();
    emit drawnChanged();
}

void RunBoard::setDrawn(const std::vector<qint64>& runs, bool drawn) {
    for (const qint64 run : runs) {
        if (drawn) {
            hidden_.remove(run);
        } else {
            hidden_.insert(run);
        }
    }
    arrange();
    emit listChanged();
    emit drawnChanged();
}

RunBoard::GroupList RunBoard::drawnGroups() const {
    if (drawn_groups_) {
        return drawn_groups_;
    }
    auto result = std::make_shared<std::vector<RunGroup>>();
    for (const RunGroup& group : groups_) {
        RunGroup seen = group;
        std::erase_if(seen.runs, [this](qint64 run) { return !drawn(run); });
        if (!seen.runs.empty()) {
            result->push_back(std::move(seen));
        }
    }
    drawn_groups_ = std::move(result);
    return drawn_groups_;
}

std::vector<qint64> RunBoard::drawnRuns() const {
    std::vector<qint64> runs = matching_;
    std::erase_if(runs, [this](qint64 run) { return !drawn(run); });
    return runs;
}

void RunBoard::select(const QSet<qint64>& runs) {
    if (runs == selected_) {
        return;
    }
    selected_ = runs;
    if (!selected_.contains(current_)) {
        current_ = selected_.isEmpty() ? 0 : *selected_.begin();
    }
    emit selectionChanged();
}

void RunBoard::setCurrent(qint64 run) {
    if (run != current_ || !selected_.contains(run)) {
        current_ = run;
        selected_ = run == 0 ? QSet<qint64>() : QSet<qint64>{run};
        emit selectionChanged();
    }
}

void RunBoard::setSettings(const ChartSettings& settings) {
    if (settings == settings_) {
        return;
    }
    settings_ = settings;
    emit settingsChanged();
}

QJsonObject RunBoard::save() const {
    QJsonArray hidden;
    for (const qint64 run : hidden_) {
        hidden.append(run);
    }
    QJsonObject looks;
    for (auto each = chosen_looks_.begin(); each != chosen_looks_.end(); ++each) {
        looks.insert(each.key(), *each);
    }
    return {{"filter", filter_text_},
            {"group", group_field_},
            {"hidden", hidden},
            {"looks", looks},
            {"smoothing", static_cast<int>(settings_.smoothing.kind)},
            {"weight", settings_.smoothing.weight},
            {"x", static_cast<int>(settings_.x)},
            {"log_x", settings_.log_x},
            {"log_y", settings_.log_y},
            {"band", static_cast<int>(settings_.band)},
            {"members", settings_.members},
            {"paper", settings_.paper}};
}

void RunBoard::restore(const QJsonObject& state) {
    const auto choice = [&state](const char* name, int most, int fallback) {
        const int value = state.value(QLatin1String(name)).toInt(fallback);
        return value >= 0 && value <= most ? value : fallback;
    };
    hidden_.clear();
    for (const QJsonValue& run : state["hidden"].toArray()) {
        hidden_.insert(run.toInteger());
    }
    const QJsonObject looks = state["looks"].toObject();
    for (auto each = looks.begin(); each != looks.end(); ++each) {
        chosen_looks_.insert(each.key(), std::clamp(each->toInt(), 0, kPlainLook));
    }
    group_field_ = state["group"].toString();
    ChartSettings settings;
    settings.smoothing.kind = static_cast<Smoothing>(choice("smoothing", 3, 1));
    settings.smoothing.weight = std::clamp(state["weight"].toDouble(0.6), 0.0, 0.999);
    settings.x = static_cast<XAxis>(choice("x", 3, 0));
    settings.log_x = state["log_x"].toBool();
    settings.log_y = state["log_y"].toBool();
    settings.band = static_cast<BandKind>(choice("band", 2, 0));
    settings.members = state["members"].toBool(true);
    settings.paper = state["paper"].toBool();
    setSettings(settings);
    setFilter(state["filter"].toString());
}

ConfigDifferences configDifferences(const std::vector<std::vector<const RunInfo*>>& groups) {
    QMap<QString, std::vector<QSet<QString>>> values;
    for (std::size_t g = 0; g < groups.size(); ++g) {
        for (const RunInfo* run : groups[g]) {
            for (auto each = run->config.begin(); each != run->config.end(); ++each) {
                std::vector<QSet<QString>>& found = values[each.key()];
                found.resize(groups.size());
                found[g].insert(*each);
            }
        }
    }
    ConfigDifferences result;
    result.fields = static_cast<int>(values.size());
    for (auto each = values.begin(); each != values.end(); ++each) {
        const bool differs =
            std::any_of(each->begin(), each->end(), [&](const QSet<QString>& set) { return set != each->front(); });
        if (!differs) {
            QStringList only(each->front().begin(), each->front().end());
            if (only.size() == 1) {
                result.equal << each.key() + u' ' + only.front();
            }
            continue;
        }
        FieldDifference difference{.field = each.key(), .values = {}};
        for (const QSet<QString>& set : *each) {
            QStringList sorted(set.begin(), set.end());
            std::sort(sorted.begin(), sorted.end(), before);
            difference.values.push_back(sorted);
        }
        result.differing.push_back(std::move(difference));
    }
    return result;
}

QStringList differingFields(const std::vector<const RunInfo*>& runs) {
    struct Seen {
        QString first;
        std::size_t runs = 0;
        bool differs = false;
    };
    QHash<QString, Seen> fields;
    for (const RunInfo* run : runs) {
        for (auto each = run->config.begin(); each != run->config.end(); ++each) {
            Seen& seen = fields[each.key()];
            if (seen.runs++ == 0) {
                seen.first = *each;
            } else {
                seen.differs = seen.differs || seen.first != *each;
            }
        }
    }
    QStringList names;
    for (auto each = fields.cbegin(); each != fields.cend(); ++each) {
        if (each->differs || each->runs != runs.size()) {
            names << each.key();
        }
    }
    names.sort();
    return names;
}

} // namespace fulgurite
