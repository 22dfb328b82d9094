// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/chart_scene.h"

#include "ui/train/group_curves.h"
#include "ui/train/level_of_detail.h"
#include "ui/train/run_look.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace fulgurite {
namespace {

constexpr std::size_t kMostMembersSmoothed = 64; // more thin lines than that are drawn raw
constexpr std::size_t kMostWithRaw = 200;        // of more lines the smooth ones alone are drawn, over one band
constexpr double kCrowdAlpha = 0.1;
constexpr std::size_t kMostGlyphs = 400;
const double kNan = std::numeric_limits<double>::quiet_NaN();

double logged(double value) {
    return value > 0 ? std::log10(value) : kNan;
}

void toLog(Values& values) {
    std::vector<double> result(values.size());
    std::transform(values.begin(), values.end(), result.begin(), logged);
    values = std::move(result);
}

// One run's points on the axes, before any logarithm.
struct Placed {
    const LineInput* line = nullptr;
    Values x;
    Values raw;
    Values smooth;
    Values least;
    Values most;
    std::vector<bool> broken;

    // Leaves out what has no place on the axis: steps before the first mark of the clock, 0 on a logarithmic axis.
    void dropFront(bool log_x) {
        const auto begin = std::find_if(
            x.begin(), x.end(), [log_x](double place) { return std::isfinite(place) && (!log_x || place > 0); });
        const std::ptrdiff_t count = begin - x.begin();
        if (count == 0) {
            return;
        }
        for (Values* values : {&x, &raw, &least, &most}) {
            if (!values->empty()) {
                *values = std::vector<double>(values->begin() + count, values->end());
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
        std::size_t lines = 0;
        for (const SeriesInput& series : input.series) {
            lines += series.groups.size();
        }
        crowded_ = lines > kMostWithRaw;
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
                addCrowd();
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
            each.x = placesOfLine(line);
            each.raw = shared(line.curve, line.curve->values);
            each.least = shared(line.curve, line.curve->least);
            each.most = shared(line.curve, line.curve->most);
            each.broken = line.curve->broken;
            each.dropFront(input_.settings.log_x);
            scene_->coarse = scene_->coarse || line.curve->buckets();
            if (!each.x.empty()) {
                placed.push_back(std::move(each));
            }
        }
        return placed;
    }

    static Values shared(const CurveRef& curve, const std::vector<double>& values) {
        return Values(std::shared_ptr<const std::vector<double>>(curve, &values));
    }

    // Runs that stand on the same steps share their places.
    Values placesOfLine(const LineInput& line) {
        const Steps& steps = line.curve->steps;
        const bool by_step = input_.settings.x == XAxis::Step;
        if (!by_step || !last_steps_ || steps->size() != line.curve->size() || *steps != *last_steps_) {
            last_places_ = placesOf(*line.curve, line.clock.get(), input_.settings.x);
            last_steps_ = by_step && steps->size() == line.curve->size() ? steps : nullptr;
        }
        return last_places_;
    }

    void smooth(std::vector<Placed>& placed, bool all) {
        for (Placed& each : placed) {
            if (input_.settings.smoothing.kind == Smoothing::Off || (!all && !each.line->selected)) {
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
        if (!smoothing || !crowded_ || run.line->selected) {
            addCurve(run, run.raw, smoothing ? Stroke::Raw : main, group, series, series_label, true);
        } else {
            crowd_.push_back(run);
        }
        if (smoothing) {
            addCurve(run, run.smooth, main, group, series, series_label, false);
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

    static MemberCurve rawMember(const Placed& run) {
        return {.x = run.x, .y = run.raw, .least = run.least, .most = run.most};
    }

    // Behind smooth lines that are too many for a raw one each: from the least to the most of all of them.
    void addCrowd() {
        if (crowd_.empty()) {
            return;
        }
        std::vector<MemberCurve> members;
        for (const Placed& each : crowd_) {
            members.push_back(rawMember(each));
        }
        GroupCurve all = groupCurves(members, commonPlaces(members));
        finish(SceneBand{.x = std::move(all.x),
                         .low = std::move(all.least),
                         .high = std::move(all.most),
                         .look = kPlainLook,
                         .alpha = kCrowdAlpha});
        crowd_.clear();
    }

    void addMean(const std::vector<Placed>& placed, const GroupInput& group, int series,
                 const QString& series_label) {
        std::vector<MemberCurve> smooth;
        std::vector<MemberCurve> raw;
        for (const Placed& each : placed) {
            smooth.push_back({.x = each.x, .y = each.smooth, .least = {}, .most = {}});
            raw.push_back(rawMember(each));
        }
        const Values places = commonPlaces(raw);
        GroupCurve raw_mean = groupCurves(raw, places);
        const bool all_raw = std::all_of(placed.begin(), placed.end(),
                                         [](const Placed& each) { return each.smooth.sharesWith(each.raw); });
        GroupCurve mean = all_raw ? raw_mean : groupCurves(smooth, places);
        for (const Placed& each : placed) {
            if (input_.settings.members || each.line->selected) {
                addCurve(each, each.smooth, each.line->selected ? Stroke::Selected : Stroke::Member, group, series,
                         series_label, true);
            }
        }
        addBand(input_.spec.raw_band ? raw_mean : mean, places, group.look);
        SceneCurve line{.x = places,
                        .y = mean.mean,
                        .least = {},
                        .most = {},
                        .stroke = Stroke::Mean,
                        .look = group.look,
                        .dash = series,
                        .label = group.label,
                        .series = series_label};
        if (input_.settings.smoothing.kind != Smoothing::Off) {
            SceneCurve raw_line = line;
            raw_line.y = raw_mean.mean;
            raw_line.least = raw_mean.mean_least;
            raw_line.most = raw_mean.mean_most;
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

    void addBand(const GroupCurve& spread, const Values& places, int look) {
        if (input_.settings.band == BandKind::None) {
            return;
        }
        std::vector<double> low = spread.least;
        std::vector<double> high = spread.most;
        if (input_.settings.band == BandKind::Deviation) {
            for (std::size_t i = 0; i < spread.x.size(); ++i) {
                low[i] = spread.mean[i] - spread.deviation[i];
                high[i] = spread.mean[i] + spread.deviation[i];
            }
        }
        finish(SceneBand{.x = places, .low = std::move(low), .high = std::move(high), .look = look});
    }

    void addCurve(const Placed& run, const Values& y, Stroke stroke, const GroupInput& group, int series,
                  const QString& series_label, bool with_range) {
        SceneCurve curve{.x = run.x,
                         .y = y,
                         .least = {},
                         .most = {},
                         .stroke = stroke,
                         .look = group.look,
                         .dash = series,
                         .label = run.line->label,
                         .series = series_label,
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
        const bool smoothing = input_.settings.smoothing.kind != Smoothing::Off;
        std::vector<GroupCurve> quantiles(input_.series.size());
        std::vector<GroupCurve> raw(input_.series.size());
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
            std::vector<MemberCurve> raw_members;
            for (const Placed& each : placed) {
                members.push_back({.x = each.x, .y = each.smooth, .least = {}, .most = {}});
                raw_members.push_back(rawMember(each));
                if (s == 0) {
                    addGlyphs(each, look);
                }
            }
            const std::vector<double> places = commonPlaces(members);
            quantiles[s] = groupCurves(members, places);
            raw[s] = groupCurves(raw_members, places);
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
            if (smoothing && strong) { // the largest ratio is what the chart is watched for
                finish(SceneCurve{.x = raw[s].x,
                                  .y = raw[s].mean,
                                  .least = raw[s].mean_least,
                                  .most = raw[s].mean_most,
                                  .stroke = Stroke::Raw,
                                  .look = look,
                                  .label = label});
            }
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
                                    .raw = raw[s].mean,
                                    .least = raw[s].least,
                                    .most = raw[s].most,
                                    .members = raw[s].members});
        }
    }

    void addPaper() {
        for (const PaperLine& line : input_.paper) {
            std::vector<double> x;
            std::vector<double> y;
            for (std::size_t i = 0; i < line.x.size() && (scene_->empty || line.x[i] <= scene_->x_high); ++i) {
                if (!input_.settings.log_x || line.x[i] > 0) {
                    x.push_back(line.x[i]);
                    y.push_back(line.y[i]);
                }
            }
            finish(SceneCurve{.x = std::move(x),
                              .y = std::move(y),
                              .least = {},
                              .most = {},
                              .stroke = Stroke::Paper,
                              .look = line.look,
                              .label = line.label});
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
            if (!curve.x.empty()) { // rising
                low = std::min(low, curve.x.front());
                high = std::max(high, curve.x.back());
            }
        }
        scene_->empty = !(low <= high);
        scene_->x_low = scene_->empty ? 0 : low;
        scene_->x_high = scene_->empty ? 1 : high > low ? high : low + 1;
    }

    void logX() {
        std::pair<Values, Values> last; // what is shared stays shared
        const auto to_log = [&last](Values& x) {
            if (!x.sharesWith(last.first)) {
                last = {x, x};
                toLog(last.second);
            }
            x = last.second;
        };
        for (SceneCurve& curve : scene_->curves) {
            to_log(curve.x);
        }
        for (SceneBand& band : scene_->bands) {
            to_log(band.x);
        }
        for (SceneGlyph& glyph : scene_->glyphs) {
            glyph.x = logged(glyph.x);
        }
        for (SceneRow& row : scene_->rows) {
            to_log(row.x);
        }
        scene_->x_low = scene_->empty ? 0 : logged(scene_->x_low);
        scene_->x_high = scene_->empty ? 1 : logged(scene_->x_high);
    }

    const SceneInput& input_;
    std::shared_ptr<Scene> scene_;
    bool crowded_ = false;
    std::vector<Placed> crowd_; // whose raw lines are not drawn
    Steps last_steps_;
    Values last_places_;
};

} // namespace

SceneRef buildScene(const SceneInput& input) {
    return Builder(input).build();
}

} // namespace fulgurite
