// SPDX-License-Identifier: Apache-2.0
// LibraryService's reading of the ledger.
#include "core/cascade/library_service.h"

#include <algorithm>

namespace fulgurite::cascade {

namespace {

constexpr std::size_t kCurvePoints = 400;

// Everything encoded so far, after each query. `totals`: the encoders whose shares are told, but for the first.
std::vector<LedgerPoint> curveOf(const std::vector<LedgerEntry>& encodings,
                                 const std::vector<EncoderTotals>& totals, std::size_t images) {
    std::vector<LedgerPoint> curve;
    LedgerPoint now;
    now.touched.resize(std::max<std::size_t>(totals.size(), 1) - 1);
    for (const LedgerEntry& entry : encodings) {
        if (entry.query > now.query) {
            if (now.query > 0) {
                curve.push_back(now);
            }
            now.query = entry.query;
        }
        now.seconds += entry.seconds;
        now.flops += entry.flops;
        const auto found = std::find_if(totals.begin(), totals.end(), [&entry](const EncoderTotals& total) {
            return total.encoder == entry.encoder && total.checkpoint == entry.checkpoint;
        });
        if (found > totals.begin() && found != totals.end() && images > 0) {
            now.touched[static_cast<std::size_t>(found - totals.begin()) - 1] +=
                static_cast<double>(entry.items) / static_cast<double>(images);
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
    std::vector<SpentPoint> points;
    for (const LedgerPoint& point : curve) {
        points.push_back({static_cast<double>(point.query), point.touched});
    }
    return breakEvenQuery(costs, points);
}

// What one image costs by an encoder of the totals; by the closed form where its configuration is not known any
// more, from what it has encoded.
double flopsEach(const EncoderTotals& total, const std::vector<EncoderInfo>& known) {
    if (total.encoded > 0) {
        return total.flops / static_cast<double>(total.encoded);
    }
    const auto info = std::find_if(known.begin(), known.end(),
                                   [&total](const EncoderInfo& each) { return each.id == total.encoder; });
    return info == known.end() ? 0 : info->image_flops;
}

} // namespace

LedgerReport LibraryService::ledger(LibraryId id, std::size_t entries) {
    const std::lock_guard lock(store_mutex_);
    const Library library = store_.library(id);
    LedgerReport report;
    report.since = library.created;
    report.queries = library.queries;
    report.totals = store_.totals(id);
    std::stable_sort(report.totals.begin(), report.totals.end(), [this](const auto& a, const auto& b) {
        return flopsEach(a, encoders_.list()) < flopsEach(b, encoders_.list());
    });
    report.images = store_.pictureCount(id);
    for (const EncoderTotals& total : report.totals) {
        report.images = std::max(report.images, static_cast<std::size_t>(total.encoded));
        report.seconds_each.push_back(total.checkpoint != 0 ? store_.measuredSeconds(total.checkpoint).value_or(0)
                                      : total.encoded > 0   ? total.seconds / static_cast<double>(total.encoded)
                                                            : 0);
        report.flops_each.push_back(flopsEach(total, encoders_.list()));
    }
    const auto curve = curveOf(store_.encodings(id), report.totals, report.images);
    report.break_even = breakEvenOf(curve, report.seconds_each);
    report.curve = thinned(curve);
    report.entries = store_.entries(id, entries);
    return report;
}

EvaluationHooks LibraryService::evaluationHooks(LibraryId id) {
    EvaluationHooks hooks;
    hooks.measured = [this](const std::string& encoder) { return measuredSeconds(encoder).value_or(0); };
    hooks.path = [this, id](ImageId image) { return this->image(id, image).path; };
    hooks.encoded = [this](const EncodingReport& report) {
        const std::lock_guard lock(store_mutex_);
        Transaction transaction(store_.database());
        store_.mergeEntries(report.entries, 0, static_cast<std::int64_t>(report.cached));
        transaction.commit();
    };
    return hooks;
}

} // namespace fulgurite::cascade
