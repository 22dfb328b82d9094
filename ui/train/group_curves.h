// SPDX-License-Identifier: GPL-3.0-or-later
// Several runs as one: mean, spread and range over members that may have been logged at different places.
#pragma once

#include <span>
#include <vector>

namespace fulgurite {

// Rising x with its values, as one member of a group has them.
struct MemberCurve {
    std::span<const double> x;
    std::span<const double> y;
    std::span<const double> least{}; // where y are means of buckets; empty otherwise
    std::span<const double> most{};
};

struct GroupCurve {
    std::vector<double> x;
    std::vector<double> mean;
    std::vector<double> deviation; // of the members, n − 1; 0 for one member
    std::vector<double> least;     // of all that the members have since the place before
    std::vector<double> most;
    std::vector<double> mean_least; // the members' mean of that; empty where every point has its place
    std::vector<double> mean_most;
    std::vector<int> members; // that reach this x
};

// Where the group is evaluated: every x of the members while they share most of them, else as many even places as
// the longest member has points.
std::vector<double> commonPlaces(std::span<const MemberCurve> members);

// At each place the members between whose first and last point it lies, by straight lines between their points. A
// value that is not finite leaves its member out there. Range and mean range take in what lies between two places
// and inside of buckets, so that no spike of a member is lost.
GroupCurve groupCurves(std::span<const MemberCurve> members, std::span<const double> places);

} // namespace fulgurite
