// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/chart_spec.h"

#include "ui/base/format.h"

#include <QDateTime>

#include <algorithm>

namespace fulgurite {
namespace {

// A '*' stands for anything but the slashes that separate parts of a name.
bool fits(QStringView pattern, QStringView name) {
    const qsizetype star = pattern.indexOf(u'*');
    if (star < 0) {
        return pattern == name;
    }
    if (!name.startsWith(pattern.left(star))) {
        return false;
    }
    const QStringView rest = pattern.mid(star + 1);
    for (qsizetype end = star; end <= name.size(); ++end) {
        if (fits(rest, name.mid(end))) {
            return true;
        }
        if (end < name.size() && name[end] == u'/') {
            return false;
        }
    }
    return false;
}

constexpr qsizetype kMostOfOnePattern = 8; // a chart with more would say nothing

// Those of the sorted names that the pattern chooses. There may be ten thousand of them.
QStringList fitting(const QString& pattern, const QStringList& names) {
    QStringList found;
    const QString head = pattern.section(u'*', 0, 0);
    for (auto name = std::lower_bound(names.begin(), names.end(), head);
         name != names.end() && name->startsWith(head) && found.size() < kMostOfOnePattern; ++name) {
        if (fits(pattern, *name)) {
            found << *name;
        }
    }
    return found;
}

std::vector<ChartSpec> makeStandardCharts() {
    const auto text = [](const char* value) { return QString::fromUtf8(value); };
    std::vector<ChartSpec> charts;
    const auto add = [&](const char* id, const char* title, const char* unit,
                         const QStringList& series) -> ChartSpec& {
        charts.push_back(
            {.id = text(id), .title = text(title), .unit = text(unit), .series = series, .labels = {}});
        return charts.back();
    };
    add("accuracy", "Held-out accuracy", "share",
        {QStringLiteral("eval.*.mean@*"), QStringLiteral("eval.*.greedy"), QStringLiteral("eval.*accuracy*")});
    add("loss", "Loss", "nats", {QStringLiteral("train.loss")});
    add("eval_loss", "Held-out loss", "nats", {QStringLiteral("eval.loss")});
    add("reward", "Reward", "mean", {QStringLiteral("rollout.reward_mean")});
    add("rollout_accuracy", "Rollout accuracy", "share", {QStringLiteral("rollout.accuracy")});
    add("length", "Response length", "tokens", {QStringLiteral("rollout.len_mean")});
    ChartSpec& ratio = add("ratio", "Importance ratio", "",
                           {QStringLiteral("train.ratio_p1"), QStringLiteral("train.ratio_p10"),
                            QStringLiteral("train.ratio_p50"), QStringLiteral("train.ratio_p90"),
                            QStringLiteral("train.ratio_p99"), QStringLiteral("train.ratio_max")});
    ratio.labels = {text("p1"), text("p10"), text("p50"), text("p90"), text("p99"), text("max")};
    ratio.fan = ratio.log_y = ratio.needs_updates = true;
    add("entropy", "Entropy", "nats", {QStringLiteral("train.entropy")});
    ChartSpec& norm = add("grad_norm", "Gradient norm", "", {QStringLiteral("train.grad_norm")});
    norm.log_y = norm.raw_band = true;
    ChartSpec& pearson = add("pearson", "Train–rollout correlation", "",
                             {QStringLiteral("mismatch.pearson"), QStringLiteral("mismatch.pearson_bf16_head")});
    pearson.labels = {text("measured"), text("were the head bf16")};
    ChartSpec& capped = add("capped", "Capped or clipped tokens", "share",
                            {QStringLiteral("train.cispo_cap_frac"), QStringLiteral("train.clip_frac")});
    capped.labels = {text("capped"), text("clipped")};
    capped.needs_updates = true;
    ChartSpec& kl = add("kl", "KL", "nats/token", {QStringLiteral("train.kl_old"), QStringLiteral("train.kl_ref")});
    kl.labels = {text("to old"), text("to reference")};
    add("balance", "Expert imbalance", "max load − 1", {QStringLiteral("moe.max_vio")});
    add("aux_loss", "Balance loss", "", {QStringLiteral("moe.aux_loss")});
    add("lr", "Learning rate", "", {QStringLiteral("train.lr")});
    ChartSpec& speed = add("throughput", "Throughput", "tokens/s", {QStringLiteral("perf.tokens_per_s")});
    speed.raw_band = true;
    return charts;
}

QString durationText(double seconds) {
    const auto whole = static_cast<qint64>(std::llround(std::max(0.0, seconds)));
    return QStringLiteral("%1:%2:%3")
        .arg(whole / 3600)
        .arg(whole / 60 % 60, 2, 10, QLatin1Char('0'))
        .arg(whole % 60, 2, 10, QLatin1Char('0'));
}

} // namespace

const std::vector<ChartSpec>& standardCharts() {
    static const std::vector<ChartSpec> charts = makeStandardCharts();
    return charts;
}

ChartSpec chartOfSeries(const QString& name) {
    return {.id = QStringLiteral("series:") + name, .title = name, .unit = {}, .series = {name}, .labels = {}};
}

QStringList chosenSeries(const ChartSpec& spec, const QStringList& names) {
    QStringList chosen;
    for (const QString& pattern : spec.series) {
        chosen += fitting(pattern, names);
        // Patterns are alternatives for one quantity; plain names stand side by side.
        if (!chosen.isEmpty() && pattern.contains(u'*')) {
            break;
        }
    }
    return chosen;
}

QStringList chosenSeries(const ChartSpec& spec, const QStringList& names, const std::vector<const RunInfo*>& runs) {
    QStringList chosen = chosenSeries(spec, names);
    if (chosen.isEmpty() || !spec.series.front().contains(u'*')) {
        return chosen;
    }
    for (const RunInfo* run : runs) {
        const bool served = std::any_of(run->series->begin(), run->series->end(),
                                        [&](const SeriesInfo& series) { return chosen.contains(series.name()); });
        if (served || chosen.size() >= kMostOfOnePattern) {
            continue;
        }
        QStringList own;
        for (const SeriesInfo& series : *run->series) {
            own << series.name();
        }
        own.sort();
        chosen += chosenSeries(spec, own);
    }
    return chosen;
}

QString axisName(XAxis axis) {
    switch (axis) {
    case XAxis::Tokens:
        return QStringLiteral("tokens");
    case XAxis::Elapsed:
        return QStringLiteral("elapsed");
    case XAxis::Clock:
        return QStringLiteral("time");
    case XAxis::Step:
        break;
    }
    return QStringLiteral("step");
}

QString placeText(XAxis axis, double x) {
    switch (axis) {
    case XAxis::Tokens:
        return QStringLiteral("%1 tokens").arg(compactCount(std::llround(x)));
    case XAxis::Elapsed:
        return durationText(x);
    case XAxis::Clock:
        return QDateTime::fromMSecsSinceEpoch(static_cast<qint64>(x * 1000))
            .toString(QStringLiteral("yyyy-MM-dd HH:mm:ss"));
    case XAxis::Step:
        break;
    }
    return grouped(std::llround(x));
}

} // namespace fulgurite
