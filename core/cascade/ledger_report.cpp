// SPDX-License-Identifier: Apache-2.0
// LibraryService's reading of the ledger.
#include "core/cascade/library_service.h"
#include "core/store/clock.h"

#include <algorithm>
#include <limits>

namespace fulgurite::cascade {

namespace {

constexpr std::size_t kCurvePoints = 400;

// Everything encoded so far, after each query.
std::vector<LedgerPoint> curveOf(const std::vector<LedgerEntry>& encodings, std::size_t images) {
    std::vector<LedgerPoint> curve;
    LedgerPoint now;
    std::vector<double> counts; // of each later stage
    for (const LedgerEntry& entry : encodings) {
        if (entry.query > now.query) {
            if (now.query > 0) {
                curve.push_back(now);
            }
            now.query = entry.query;
        }
        now.seconds += entry.seconds;
        now.flops += entry.flops;
        if (entry.stage > 0) {
            counts.resize(std::max(counts.size(), static_cast<std::size_t>(entry.stage)));
            counts[static_cast<std::size_t>(entry.stage) - 1] += static_cast<double>(entry.items);
        }
        now.touched = counts;
        for (double& share : now.touched) {
            share = images > 0 ? share / static_cast<double>(images) : 0;
        }
    }
    if (now.query > 0) {
        curve.push_back(now);
    }
    return curve;
}

// Every n-th point, and always the last.
std::vector<LedgerPoint> thinned(const std::vector<LedgerPoint>& curve) {
    const std::size_t step = (curve.size() + kCurvePoints - 1) / kCurvePoints;
    std::vector<LedgerPoint> few;
    for (std::size_t i = 0; i < curve.size(); ++i) {
        if ((curve.size() - 1 - i) % std::max<std::size_t>(step, 1) == 0) {
            few.push_back(curve[i]);
        }
    }
    return few;
}

double breakEvenOf(const std::vector<LedgerPoint>& curve, const std::vector<double>& costs) {
    if (costs.size() < 2 || *std::min_element(costs.begin(), costs.end()) <= 0) {
        return std::numeric_limits<double>::quiet_NaN();
    }
    std::vector<TouchedPoint> points;
    for (const LedgerPoint& point : curve) {
        if (!point.touched.empty()) {
            points.push_back({static_cast<double>(point.query), point.touched.front()});
        }
    }
    const TouchedFit fit = fitTouched(points);
    return fit.valid ? fit.queryOf(breakEvenFraction(costs)) : std::numeric_limits<double>::quiet_NaN();
}

} // namespace

LedgerReport LibraryService::ledger(LibraryId id, std::size_t entries) {
    const std::lock_guard lock(store_mutex_);
    const Library library = store_.library(id);
    LedgerReport report;
    report.since = library.created;
    report.images = library.images;
    report.queries = library.queries;
    report.totals = store_.totals(id);
    std::stable_sort(report.totals.begin(), report.totals.end(), [&](const auto& a, const auto& b) {
        const auto place = [&](const std::string& encoder) {
            const auto& list = encoders_.list();
            return std::find_if(list.begin(), list.end(), [&](const auto& info) { return info.id == encoder; }) -
                   list.begin();
        };
        return place(a.encoder) < place(b.encoder);
    });
    for (const EncoderTotals& total : report.totals) {
        report.seconds_each.push_back(store_.measuredSeconds(total.encoder).value_or(0));
        report.flops_each.push_back(total.encoded > 0 ? total.flops / static_cast<double>(total.encoded) : 0);
    }
    const auto curve = curveOf(store_.encodings(id), library.images);
    report.break_even = breakEvenOf(curve, report.seconds_each);
    report.curve = thinned(curve);
    report.entries = store_.entries(id, entries);
    return report;
}

EvaluationHooks LibraryService::evaluationHooks(LibraryId id, std::function<bool()> stop) {
    EvaluationHooks hooks;
    hooks.stop = std::move(stop);
    hooks.measured = [this](const std::string& encoder) { return measuredSeconds(encoder).value_or(0); };
    hooks.path = [this, id](ImageId image) { return this->image(id, image).path; };
    hooks.encoded = [this, id](const std::string& encoder, const EncodingReport& report) {
        if (report.encoded == 0) {
            return;
        }
        const std::lock_guard lock(store_mutex_);
        store_.addEntry({.library = id,
                         .time = nowMilliseconds(),
                         .kind = LedgerEntry::Kind::Evaluation,
                         .encoder = encoder,
                         .items = static_cast<std::int64_t>(report.encoded),
                         .cached = static_cast<std::int64_t>(report.cached),
                         .seconds = report.seconds,
                         .flops = report.flops,
                         .bytes = report.bytes});
    };
    return hooks;
}

} // namespace fulgurite::cascade
