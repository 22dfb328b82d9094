// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/group_curves.h"

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

// What a member has between two places, the second included.
struct Passed {
    double least = INFINITY;
    double most = -INFINITY;

    void take(const MemberCurve& member, std::size_t i) {
        const double low = member.least.empty() ? member.y[i] : member.least[i];
        const double high = member.most.empty() ? member.y[i] : member.most[i];
        if (std::isfinite(low) && std::isfinite(high)) {
            least = std::min(least, low);
            most = std::max(most, high);
        }
    }
    void take(double value) {
        least = std::min(least, value);
        most = std::max(most, value);
    }
};

// Running sums over the members at each place (Welford, so that large means keep their digits).
void accumulate(GroupCurve& group, std::size_t place, double value, const Passed& passed) {
    const int n = ++group.members[place];
    const double from_mean = value - group.mean[place];
    group.mean[place] += from_mean / n;
    group.deviation[place] += from_mean * (value - group.mean[place]); // sum of squares until finished
    group.least[place] = n == 1 ? passed.least : std::min(group.least[place], passed.least);
    group.most[place] = n == 1 ? passed.most : std::max(group.most[place], passed.most);
    if (!group.mean_least.empty()) {
        group.mean_least[place] += (passed.least - group.mean_least[place]) / n;
        group.mean_most[place] += (passed.most - group.mean_most[place]) / n;
    }
}

void addMember(GroupCurve& group, const MemberCurve& member) {
    std::size_t right = 0;
    Passed passed;
    for (std::size_t place = 0; place < group.x.size() && !member.x.empty(); ++place) {
        const double x = group.x[place];
        for (; right < member.x.size() && member.x[right] < x; ++right) {
            passed.take(member, right);
        }
        const bool exact = right < member.x.size() && member.x[right] == x;
        if (right == member.x.size()) {
            break;
        }
        double value = std::nan("");
        if (exact) {
            value = member.y[right];
            passed.take(member, right);
            ++right;
        } else if (right > 0) {
            const double a = member.y[right - 1];
            const double b = member.y[right];
            const double share = (x - member.x[right - 1]) / (member.x[right] - member.x[right - 1]);
            value = a + (b - a) * share;
        }
        if (std::isfinite(value)) {
            passed.take(value);
            accumulate(group, place, value, passed);
            passed = {};
        }
    }
}

} // namespace

std::vector<double> commonPlaces(std::span<const MemberCurve> members) {
    std::vector<double> places;
    std::size_t longest = 0;
    for (const MemberCurve& member : members) {
        longest = std::max(longest, member.x.size());
    }
    std::vector<double> both;
    std::span<const double> last;
    for (const MemberCurve& member : members) {
        if (member.x.data() == last.data() && member.x.size() == last.size()) {
            continue; // members mostly share their places
        }
        last = member.x;
        both.clear();
        std::set_union(places.begin(), places.end(), member.x.begin(), member.x.end(), std::back_inserter(both));
        places.swap(both);
        if (places.size() > 2 * longest) {
            break;
        }
    }
    if (places.size() <= 2 * longest) {
        return places;
    }
    double low = INFINITY;
    double high = -INFINITY;
    for (const MemberCurve& member : members) {
        if (!member.x.empty()) {
            low = std::min(low, member.x.front());
            high = std::max(high, member.x.back());
        }
    }
    places.resize(longest);
    for (std::size_t i = 0; i < longest; ++i) {
        places[i] = low + (high - low) * static_cast<double>(i) /
                              static_cast<double>(std::max<std::size_t>(longest - 1, 1));
    }
    return places;
}

GroupCurve groupCurves(std::span<const MemberCurve> members, std::span<const double> places) {
    GroupCurve group;
    group.x.assign(places.begin(), places.end());
    for (auto* values : {&group.mean, &group.deviation, &group.least, &group.most}) {
        values->resize(places.size());
    }
    group.members.resize(places.size());
    // Buckets have a range, and places fewer than a member's points leave some between them.
    if (std::any_of(members.begin(), members.end(), [&](const MemberCurve& member) {
            return !member.least.empty() || member.x.size() > places.size();
        })) {
        group.mean_least.resize(places.size());
        group.mean_most.resize(places.size());
    }
    for (const MemberCurve& member : members) {
        addMember(group, member);
    }
    for (std::size_t i = 0; i < places.size(); ++i) {
        const int n = group.members[i];
        group.deviation[i] = n > 1 ? std::sqrt(group.deviation[i] / (n - 1)) : 0;
        if (n == 0) {
            group.mean[i] = group.least[i] = group.most[i] = group.deviation[i] = std::nan("");
            if (!group.mean_least.empty()) {
                group.mean_least[i] = group.mean_most[i] = std::nan("");
            }
        }
    }
    return group;
}

} // namespace fulgurite
