// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/chart_scene.h"

#include "ui/train/group_curves.h"
#include "ui/train/level_of_detail.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace fulgurite {
namespace {

constexpr std::size_t kMostMembersSmoothed = 64; // more thin lines than that are drawn raw
constexpr std::size_t kMostGlyphs = 400;
constexpr double kAir = 0.05;
const double kNan = std::numeric_limits<double>::quiet_NaN();

double logged(double value) {
    return value > 0 ? std::log10(value) : kNan;
}

void toLog(std::vector<double>& values) {
    std::transform(values.begin(), values.end(), values.begin(), logged);
}

// One run's points on the axes, before any logarithm.
struct Placed {
    const LineInput* line = nullptr;
    std::vector<double> x;
    std::vector<double> raw;
    std::vector<double> smooth;
    std::vector<double> least;
    std::vector<double> most;
    std::vector<bool> broken;

    // Leaves out what has no place on the axis: steps before the first mark of the clock, 0 on a logarithmic axis.
    void dropFront(bool log_x) {
        const auto begin = std::find_if(
            x.begin(), x.end(), [log_x](double place) { return std::isfinite(place) && (!log_x || place > 0); });
        const std::ptrdiff_t count = begin - x.begin();
        for (std::vector<double>* values : {&x, &raw, &least, &most}) {
            if (!values->empty()) {
                values->erase(values->begin(), values->begin() + count);
            }
        }
        if (!broken.empty()) {
            broken.erase(broken.begin(), broken.begin() + count);
        }
    }
};

class Builder {
  public:
    explicit Builder(const SceneInput& input) : input_(input), scene_(std::make_shared<Scene>()) {
        scene_->spec = input.spec;
        scene_->settings = input.settings;
        scene_->log_y = input.spec.log_y || input.settings.log_y;
        scene_->missing = input.missing;
    }

    SceneRef build() {
        if (input_.spec.fan) {
            addFan();
        } else {
            for (std::size_t s = 0; s < input_.series.size(); ++s) {
                for (const GroupInput& group : input_.series[s].groups) {
                    addGroup(group, static_cast<int>(s),
                             input_.series.size() > 1 ? input_.series[s].label : QString());
                }
            }
        }
        findExtent();
        addPaper();
        addReferences();
        if (input_.settings.log_x) {
            logX();
        }
        std::stable_sort(
            scene_->curves.begin(), scene_->curves.end(),
            [](const SceneCurve& a, const SceneCurve& b) { return order(a.stroke) < order(b.stroke); });
        return scene_;
    }

  private:
    static int order(Stroke stroke) {
        static constexpr std::array kOrder{0, 1, 3, 4, 2, 3}; // as Stroke
        return kOrder[static_cast<std::size_t>(stroke)];
    }

    std::vector<Placed> place(const GroupInput& group) {
        std::vector<Placed> placed;
        for (const LineInput& line : group.lines) {
            if (!line.curve || line.curve->size() == 0) {
                continue;
            }
            Placed each;
            each.line = &line;
            each.x = placesOf(*line.curve, line.clock.get(), input_.settings.x);
            each.raw = line.curve->values;
            each.least = line.curve->least;
            each.most = line.curve->most;
            each.broken = line.curve->broken;
            each.dropFront(input_.settings.log_x);
            scene_->coarse = scene_->coarse || line.curve->buckets();
            if (!each.x.empty()) {
                placed.push_back(std::move(each));
            }
        }
        return placed;
    }

    void smooth(std::vector<Placed>& placed, bool all) {
        for (Placed& each : placed) {
            if (!all && !each.line->selected) {
                each.smooth = each.raw;
                continue;
            }
            const double range = each.x.empty() ? 0 : each.x.back() - each.x.front();
            each.smooth = smoothed(each.x, each.raw, input_.settings.smoothing, range,
                                   static_cast<double>(each.line->curve->bucket));
        }
    }

    void addGlyphs(const Placed& each, int look) {
        for (std::size_t i = 0; i < each.x.size() && scene_->glyphs.size() < kMostGlyphs; ++i) {
            const double value = each.raw[i];
            if (std::isfinite(value) && (each.broken.empty() || !each.broken[i])) {
                continue;
            }
            const QString word = std::isinf(value) ? (value > 0 ? QStringLiteral("+∞") : QStringLiteral("−∞"))
                                                   : QStringLiteral("NaN");
            scene_->glyphs.push_back({each.x[i], look, word});
        }
    }

    void addGroup(const GroupInput& group, int series, const QString& series_label) {
        std::vector<Placed> placed = place(group);
        if (placed.empty()) {
            return;
        }
        smooth(placed, placed.size() <= kMostMembersSmoothed);
        for (const Placed& each : placed) {
            addGlyphs(each, group.look);
        }
        if (group.single && placed.size() == 1) {
            addSingle(placed.front(), group, series, series_label);
        } else {
            addMean(placed, group, series, series_label);
        }
    }

    // One run: its smooth line over its raw one, which carries the range of its buckets.
    void addSingle(const Placed& run, const GroupInput& group, int series, const QString& series_label) {
        const bool smoothing = input_.settings.smoothing.kind != Smoothing::Off;
        const Stroke main = run.line->selected ? Stroke::Selected : Stroke::Mean;
        addCurve(run, run.raw, smoothing ? Stroke::Raw : main, group, series, true);
        if (smoothing) {
            addCurve(run, run.smooth, main, group, series, false);
        }
        SceneRow row{.label = group.label,
                     .series = series_label,
                     .look = group.look,
                     .x = run.x,
                     .smooth = run.smooth,
                     .raw = run.raw,
                     .least = run.least,
                     .most = run.most,
                     .members = {}};
        scene_->rows.push_back(std::move(row));
    }

    void addMean(const std::vector<Placed>& placed, const GroupInput& group, int series,
                 const QString& series_label) {
        std::vector<MemberCurve> smooth;
        std::vector<MemberCurve> raw;
        for (const Placed& each : placed) {
            smooth.push_back({each.x, each.smooth});
            raw.push_back({each.x, each.raw});
        }
        const std::vector<double> places = commonPlaces(raw);
        GroupCurve mean = groupCurves(smooth, places);
        GroupCurve raw_mean = groupCurves(raw, places);
        for (const Placed& each : placed) {
            if (input_.settings.members || each.line->selected) {
                addCurve(each, each.smooth, each.line->selected ? Stroke::Selected : Stroke::Member, group, series,
                         true);
            }
        }
        addBand(input_.spec.raw_band ? raw_mean : mean, group.look);
        SceneCurve line{.x = places,
                        .y = mean.mean,
                        .least = {},
                        .most = {},
                        .stroke = Stroke::Mean,
                        .look = group.look,
                        .dash = series,
                        .label = group.label};
        if (input_.settings.smoothing.kind != Smoothing::Off) {
            SceneCurve raw_line = line;
            raw_line.y = raw_mean.mean;
            raw_line.stroke = Stroke::Raw;
            finish(std::move(raw_line));
        }
        finish(std::move(line));
        const GroupCurve& spread = input_.spec.raw_band ? raw_mean : mean;
        scene_->rows.push_back({.label = group.label,
                                .series = series_label,
                                .look = group.look,
                                .x = places,
                                .smooth = std::move(mean.mean),
                                .raw = std::move(raw_mean.mean),
                                .least = spread.least,
                                .most = spread.most,
                                .members = raw_mean.members});
    }

    void addBand(const GroupCurve& spread, int look) {
        if (input_.settings.band == BandKind::None) {
            return;
        }
        SceneBand band{.x = spread.x, .low = spread.least, .high = spread.most, .look = look};
        if (input_.settings.band == BandKind::Deviation) {
            for (std::size_t i = 0; i < spread.x.size(); ++i) {
                band.low[i] = spread.mean[i] - spread.deviation[i];
                band.high[i] = spread.mean[i] + spread.deviation[i];
            }
        }
        finish(std::move(band));
    }

    void addCurve(const Placed& run, const std::vector<double>& y, Stroke stroke, const GroupInput& group,
                  int series, bool with_range) {
        SceneCurve curve{.x = run.x,
                         .y = y,
                         .least = {},
                         .most = {},
                         .stroke = stroke,
                         .look = group.look,
                         .dash = series,
                         .label = run.line->label,
                         .run = run.line->run,
                         .cross = run.line->broke_off && stroke != Stroke::Raw};
        if (with_range) {
            curve.least = run.least;
            curve.most = run.most;
        }
        finish(std::move(curve));
    }

    // p1 to p99 and p10 to p90 as areas, the others as lines; of the first group alone.
    void addFan() {
        std::vector<GroupCurve> quantiles(input_.series.size());
        int look = 0;
        for (std::size_t s = 0; s < input_.series.size(); ++s) {
            if (input_.series[s].groups.empty()) {
                continue;
            }
            const GroupInput& group = input_.series[s].groups.front();
            look = group.look;
            std::vector<Placed> placed = place(group);
            smooth(placed, true);
            std::vector<MemberCurve> members;
            for (const Placed& each : placed) {
                members.push_back({each.x, each.smooth});
                if (s == 0) {
                    addGlyphs(each, look);
                }
            }
            quantiles[s] = groupCurves(members, commonPlaces(members));
        }
        const auto at = [&](const char* label) -> const GroupCurve* {
            for (std::size_t s = 0; s < quantiles.size(); ++s) {
                if (input_.series[s].label == QLatin1String(label) && !quantiles[s].x.empty()) {
                    return &quantiles[s];
                }
            }
            return nullptr;
        };
        for (const auto& [low, high, alpha] : {std::tuple("p1", "p99", 0.14), std::tuple("p10", "p90", 0.28)}) {
            const GroupCurve* a = at(low);
            const GroupCurve* b = at(high);
            if (a != nullptr && b != nullptr && a->x == b->x) {
                finish(SceneBand{.x = a->x, .low = a->mean, .high = b->mean, .look = look, .alpha = alpha});
            }
        }
        for (std::size_t s = 0; s < quantiles.size(); ++s) {
            if (quantiles[s].x.empty()) {
                continue;
            }
            const QString& label = input_.series[s].label;
            const bool strong = label == QLatin1String("p50") || label == QLatin1String("max");
            finish(SceneCurve{.x = quantiles[s].x,
                              .y = quantiles[s].mean,
                              .least = {},
                              .most = {},
                              .stroke = strong ? Stroke::Mean : Stroke::FanLine,
                              .look = look,
                              .label = label});
            scene_->rows.push_back({.label = label,
                                    .series = {},
                                    .look = look,
                                    .x = quantiles[s].x,
                                    .smooth = quantiles[s].mean,
                                    .raw = quantiles[s].mean,
                                    .least = quantiles[s].least,
                                    .most = quantiles[s].most,
                                    .members = quantiles[s].members});
        }
    }

    void addPaper() {
        for (const PaperLine& line : input_.paper) {
            SceneCurve curve{.x = {},
                             .y = {},
                             .least = {},
                             .most = {},
                             .stroke = Stroke::Paper,
                             .look = line.look,
                             .label = line.label};
            for (std::size_t i = 0; i < line.x.size() && (scene_->empty || line.x[i] <= scene_->x_high); ++i) {
                if (!input_.settings.log_x || line.x[i] > 0) {
                    curve.x.push_back(line.x[i]);
                    curve.y.push_back(line.y[i]);
                }
            }
            finish(std::move(curve));
        }
        if (scene_->empty) {
            findExtent();
        }
    }

    void addReferences() {
        for (ReferenceLine line : input_.references) {
            if (scene_->log_y) {
                line.value = logged(line.value);
            }
            if (std::isfinite(line.value)) {
                scene_->references.push_back(line);
            }
        }
    }

    void finish(SceneCurve curve) {
        if (scene_->log_y) {
            toLog(curve.y);
            toLog(curve.least);
            toLog(curve.most);
        }
        scene_->curves.push_back(std::move(curve));
    }
    void finish(SceneBand band) {
        if (scene_->log_y) {
            toLog(band.low);
            toLog(band.high);
        }
        scene_->bands.push_back(std::move(band));
    }

    void findExtent() {
        double low = INFINITY;
        double high = -INFINITY;
        for (const SceneCurve& curve : scene_->curves) {
            for (const double x : curve.x) {
                low = std::min(low, x);
                high = std::max(high, x);
            }
        }
        scene_->empty = !(low <= high);
        scene_->x_low = scene_->empty ? 0 : low;
        scene_->x_high = scene_->empty ? 1 : high > low ? high : low + 1;
    }

    void logX() {
        for (SceneCurve& curve : scene_->curves) {
            toLog(curve.x);
        }
        for (SceneBand& band : scene_->bands) {
            toLog(band.x);
        }
        for (SceneGlyph& glyph : scene_->glyphs) {
            glyph.x = logged(glyph.x);
        }
        for (SceneRow& row : scene_->rows) {
            toLog(row.x);
        }
        scene_->x_low = scene_->empty ? 0 : logged(scene_->x_low);
        scene_->x_high = scene_->empty ? 1 : logged(scene_->x_high);
    }

    const SceneInput& input_;
    std::shared_ptr<Scene> scene_;
};

} // namespace

std::vector<double> placesOf(const RunCurve& curve, const RunClock* clock, XAxis axis) {
    std::vector<double> places(curve.size(), kNan);
    const std::vector<qint64>& steps = *curve.steps;
    if (axis == XAxis::Step) {
        std::transform(steps.begin(), steps.begin() + static_cast<std::ptrdiff_t>(places.size()), places.begin(),
                       [](qint64 step) { return static_cast<double>(step); });
        return places;
    }
    if (clock == nullptr || clock->steps.empty()) {
        return places;
    }
    const std::vector<double>& values = axis == XAxis::Tokens ? clock->tokens : clock->seconds;
    const double zero = axis == XAxis::Elapsed ? clock->seconds.front() : 0;
    std::size_t right = 0;
    for (std::size_t i = 0; i < places.size(); ++i) {
        while (right < clock->steps.size() && clock->steps[right] < steps[i]) {
            ++right;
        }
        if (right == clock->steps.size()) {
            places[i] = values.back() - zero;
        } else if (clock->steps[right] == steps[i] || right == 0) {
            places[i] = values[right] - zero;
        } else {
            const double share = static_cast<double>(steps[i] - clock->steps[right - 1]) /
                                 static_cast<double>(clock->steps[right] - clock->steps[right - 1]);
            places[i] = values[right - 1] + (values[right] - values[right - 1]) * share - zero;
        }
    }
    return places;
}

std::optional<std::size_t> indexAt(const std::vector<double>& x, double place) {
    const auto after = std::upper_bound(x.begin(), x.end(), place);
    if (after == x.begin()) {
        return {};
    }
    return static_cast<std::size_t>(after - x.begin()) - 1;
}

std::pair<double, double> Scene::yRange(double low, double high) const {
    double least = INFINITY;
    double most = -INFINITY;
    const auto take = [&](const std::vector<double>& x, const std::vector<double>& y) {
        if (y.empty()) {
            return;
        }
        const auto first = static_cast<std::size_t>(std::lower_bound(x.begin(), x.end(), low) - x.begin());
        for (std::size_t i = first; i < x.size() && x[i] <= high; ++i) {
            if (std::isfinite(y[i])) {
                least = std::min(least, y[i]);
                most = std::max(most, y[i]);
            }
        }
    };
    for (const SceneCurve& curve : curves) {
        take(curve.x, curve.y);
        take(curve.x, curve.least);
        take(curve.x, curve.most);
    }
    for (const SceneBand& band : bands) {
        take(band.x, band.low);
        take(band.x, band.high);
    }
    for (const ReferenceLine& line : references) {
        // A limit far away must not press the curves flat.
        if (least <= most && line.value >= least - 0.5 * (most - least) &&
            line.value <= most + 0.5 * (most - least)) {
            least = std::min(least, line.value);
            most = std::max(most, line.value);
        }
    }
    if (!(least <= most)) {
        return {0, 1};
    }
    if (least == most) {
        const double air = least == 0 ? 1 : std::abs(least) * 0.1;
        return {least - air, most + air};
    }
    const double air = (most - least) * kAir;
    // Shares, counts and norms that come near zero show it.
    const bool to_zero = !log_y && least >= 0 && least < 0.35 * most;
    return {to_zero ? 0 : least - air, most + air};
}

SceneRef buildScene(const SceneInput& input) {
    return Builder(input).build();
}

} // namespace fulgurite
