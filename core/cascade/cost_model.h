// SPDX-License-Identifier: Apache-2.0
// The cost model of cascades (Hoenig, Ackermann, Chi: Bi-Encoder Cascades for Efficient Image Search, 2023): what
// encoding images costs over a collection's lifetime, and what the first query costs. Only image encoding counts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace fulgurite::cascade {

// `costs` are t_s < t_1 < .. < t_r for one image, in any unit (seconds, FLOPs); `fraction` is f, the share of the
// collection that enters the second level over all queries.

// F = t_r / (t_s + f (t_1 + .. + t_r)): the cost of encoding everything with the last encoder over that of the
// cascade. It charges every later level with the same f, so it is a lower bound of what is saved. 0 when there is
// no cost.
double lifetimeFactor(std::span<const double> costs, double fraction);
// The same against encoding everything at another cost, such as that of the dearest encoder of a comparison.
double lifetimeFactorAgainst(double cost, std::span<const double> costs, double fraction);

// n t_s + sum over j of touched[j] t_j: the same with real counts; touched[0] is the number of images.
double lifetimeCost(std::span<const double> costs, std::span<const double> touched);

// sum over j of m_j t_j: a query whose images are in no cache; keep[j] = m_{j+1}, one less than `costs`.
double coldCost(std::span<const double> costs, std::span<const std::size_t> keep);

// Over the two-level cascade of the first and last encoder with the same m_1: m_1 t_r / sum_j (m_j t_j).
double coldSpeedup(std::span<const double> costs, std::span<const std::size_t> keep);

// The m_2 that makes the first query of three levels `speedup` times faster: m_1 (1 / speedup - t_1 / t_2).
double secondCut(double first_cut, double middle_cost, double last_cost, double speedup);

// f after q queries whose results are random: 1 - (1 - m_1 / n)^q.
double randomTouched(std::size_t images, std::size_t first_cut, double queries);

// The f at which the cascade has cost as much as encoding everything: (t_r - t_s) / (t_1 + .. + t_r).
double breakEvenFraction(std::span<const double> costs);

// f(q) = scale * q^exponent by least squares over logarithms: how the touched share grows while queries repeat.
struct TouchedFit {
    double scale = 0;
    double exponent = 0;
    bool valid = false;
    // The query at which the share reaches `fraction`; infinite when it never does.
    double queryOf(double fraction) const;
};
struct TouchedPoint {
    double query = 0;
    double fraction = 0;
};
TouchedFit fitTouched(std::span<const TouchedPoint> points);

// What was encoded after a query: of each later level, as a share of the images.
struct SpentPoint {
    double query = 0;
    std::vector<double> touched;
};
// The query after which t_s + sum_j f_j(q) t_j has reached t_r, with what each level really encoded: that of the
// points where they have come so far, else where the power law of what the queries cost will. Infinite when it
// never does, not a number when too little is known.
double breakEvenQuery(std::span<const double> costs, std::span<const SpentPoint> points);

// Queries whose wanted images are drawn from a collection, and the images that each sends to the later levels.
enum class Draw : std::uint8_t {
    Zipf,     // popularity rank^-exponent, ranks dealt to images at random
    Fraction, // a random share of the images, each as likely as another
    Random,   // the results themselves are random: the case without any small world
};

struct SimulationSettings {
    std::size_t images = 0;
    std::size_t queries = 0;
    std::vector<std::size_t> keep; // m_1 >= m_2 >= ...
    Draw draw = Draw::Zipf;
    double exponent = 1.0;
    double fraction = 0.1;
    std::size_t seeds = 5;
    std::uint64_t first_seed = 1;
};

// The first m_1 images of the query for `image`, best first, without repetition.
using Shortlist = std::function<std::span<const std::uint32_t>(std::size_t image)>;

// Over the seeds: the mean, the smallest and the largest.
struct Band {
    double mean = 0;
    double low = 0;
    double high = 0;
};

struct SimulationPoint {
    std::size_t query = 0;
    std::vector<Band> touched; // of each later level, as a share of the images
};

// About 40 points, evenly spaced by logarithm, the last at `queries`. `stop` is asked now and then; true ends it
// early.
std::vector<SimulationPoint> simulate(const SimulationSettings& settings, const Shortlist& shortlist,
                                      const std::function<bool()>& stop = {});

} // namespace fulgurite::cascade
