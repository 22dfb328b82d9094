// SPDX-License-Identifier: Apache-2.0
#include "core/cascade/cost_model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

namespace fulgurite::cascade {

double lifetimeFactorAgainst(double cost, std::span<const double> costs, double fraction) {
    if (costs.empty()) {
        return 0;
    }
    const double later = std::accumulate(costs.begin() + 1, costs.end(), 0.0);
    const double cascade = costs.front() + fraction * later;
    return cascade > 0 ? cost / cascade : 0;
}

double lifetimeFactor(std::span<const double> costs, double fraction) {
    return costs.empty() ? 0 : lifetimeFactorAgainst(costs.back(), costs, fraction);
}

double lifetimeCost(std::span<const double> costs, std::span<const double> touched) {
    return std::inner_product(costs.begin(), costs.end(), touched.begin(), 0.0);
}

double coldCost(std::span<const double> costs, std::span<const std::size_t> keep) {
    double sum = 0;
    for (std::size_t j = 0; j < keep.size() && j + 1 < costs.size(); ++j) {
        sum += static_cast<double>(keep[j]) * costs[j + 1];
    }
    return sum;
}

double coldSpeedup(std::span<const double> costs, std::span<const std::size_t> keep) {
    const double cold = coldCost(costs, keep);
    return cold > 0 ? static_cast<double>(keep.front()) * costs.back() / cold : 0;
}

double secondCut(double first_cut, double middle_cost, double last_cost, double speedup) {
    return first_cut * (1 / speedup - middle_cost / last_cost);
}

double randomTouched(std::size_t images, std::size_t first_cut, double queries) {
    if (images == 0) {
        return 0;
    }
    const double share = std::min(1.0, static_cast<double>(first_cut) / static_cast<double>(images));
    return 1 - std::pow(1 - share, queries);
}

double breakEvenFraction(std::span<const double> costs) {
    const double later = costs.empty() ? 0 : std::accumulate(costs.begin() + 1, costs.end(), 0.0);
    return later > 0 ? (costs.back() - costs.front()) / later : 0;
}

double TouchedFit::queryOf(double fraction) const {
    if (!valid || exponent <= 0 || fraction > 1) {
        return std::numeric_limits<double>::infinity();
    }
    return std::pow(fraction / scale, 1 / exponent);
}

TouchedFit fitTouched(std::span<const TouchedPoint> points) {
    double count = 0, x = 0, y = 0, xx = 0, xy = 0;
    for (const TouchedPoint& p : points) {
        if (p.query > 0 && p.fraction > 0) {
            const double log_query = std::log(p.query);
            const double log_fraction = std::log(p.fraction);
            count += 1;
            x += log_query;
            y += log_fraction;
            xx += log_query * log_query;
            xy += log_query * log_fraction;
        }
    }
    const double spread = count * xx - x * x;
    if (count < 3 || !(spread > 0)) {
        return {};
    }
    const double exponent = (count * xy - x * y) / spread;
    return {std::exp((y - exponent * x) / count), exponent, true};
}

double breakEvenQuery(std::span<const double> costs, std::span<const SpentPoint> points) {
    if (costs.size() < 2 || *std::min_element(costs.begin(), costs.end()) <= 0) {
        return std::numeric_limits<double>::quiet_NaN();
    }
    const double allowed = costs.back() - costs.front();
    std::vector<TouchedPoint> spent; // on the later levels, as a share of what may be
    for (const SpentPoint& point : points) {
        double extra = 0;
        for (std::size_t j = 0; j < point.touched.size() && j + 1 < costs.size(); ++j) {
            extra += point.touched[j] * costs[j + 1];
        }
        if (extra >= allowed) {
            return point.query;
        }
        spent.push_back({point.query, extra / allowed});
    }
    const double most = std::accumulate(costs.begin() + 1, costs.end(), 0.0);
    const TouchedFit fit = fitTouched(spent);
    if (!fit.valid) {
        return std::numeric_limits<double>::quiet_NaN();
    }
    return most < allowed ? std::numeric_limits<double>::infinity() : fit.queryOf(1);
}

namespace {

std::vector<std::size_t> measuredQueries(std::size_t queries) {
    constexpr double kPoints = 40;
    std::vector<std::size_t> at;
    for (double i = 0; i <= kPoints && queries > 0; ++i) {
        const auto query =
            static_cast<std::size_t>(std::lround(std::pow(static_cast<double>(queries), i / kPoints)));
        if (at.empty() || query > at.back()) {
            at.push_back(query);
        }
    }
    return at;
}

// Draws the wanted image of each query.
class Wanted {
  public:
    Wanted(const SimulationSettings& settings, std::mt19937_64& random) : images_(settings.images) {
        std::iota(images_.begin(), images_.end(), 0u);
        std::shuffle(images_.begin(), images_.end(), random);
        if (settings.draw == Draw::Fraction) {
            const double share = settings.fraction * static_cast<double>(images_.size());
            images_.resize(
                std::clamp<std::size_t>(static_cast<std::size_t>(std::lround(share)), 1, images_.size()));
        }
        double sum = 0;
        for (std::size_t rank = 0; rank < images_.size(); ++rank) {
            sum += settings.draw == Draw::Zipf ? std::pow(static_cast<double>(rank + 1), -settings.exponent) : 1.0;
            cumulative_.push_back(sum);
        }
    }
    std::size_t next(std::mt19937_64& random) const {
        const double at = std::uniform_real_distribution<double>(0, cumulative_.back())(random);
        const auto found = std::upper_bound(cumulative_.begin(), cumulative_.end() - 1, at);
        return images_[static_cast<std::size_t>(found - cumulative_.begin())];
    }

  private:
    std::vector<std::uint32_t> images_; // by falling popularity
    std::vector<double> cumulative_;
};

// What one seed has touched so far at each later level.
class Touched {
  public:
    Touched(std::size_t levels, std::size_t images) : seen_(levels, std::vector<bool>(images)), counts_(levels) {}

    void add(std::size_t level, std::size_t image) {
        if (!seen_[level][image]) {
            seen_[level][image] = true;
            ++counts_[level];
        }
    }
    double share(std::size_t level) const {
        return static_cast<double>(counts_[level]) / static_cast<double>(seen_[level].size());
    }

  private:
    std::vector<std::vector<bool>> seen_;
    std::vector<std::size_t> counts_;
};

void touchRandom(const SimulationSettings& settings, std::mt19937_64& random, std::vector<std::size_t>& order,
                 Touched& touched) {
    // The beginning of a shuffle; `order` stays one of all images.
    for (std::size_t i = 0; i < std::min(settings.keep.front(), order.size()); ++i) {
        std::uniform_int_distribution<std::size_t> rest(i, order.size() - 1);
        std::swap(order[i], order[rest(random)]);
    }
    for (std::size_t level = 0; level < settings.keep.size(); ++level) {
        for (std::size_t i = 0; i < std::min(settings.keep[level], order.size()); ++i) {
            touched.add(level, order[i]);
        }
    }
}

void touchShortlist(const SimulationSettings& settings, std::span<const std::uint32_t> list, Touched& touched) {
    for (std::size_t level = 0; level < settings.keep.size(); ++level) {
        for (std::size_t i = 0; i < std::min(settings.keep[level], list.size()); ++i) {
            touched.add(level, list[i]);
        }
    }
}

// One seed's shares go into the bands.
void record(SimulationPoint& point, const Touched& touched, std::size_t seed, std::size_t seeds) {
    for (std::size_t level = 0; level < point.touched.size(); ++level) {
        Band& band = point.touched[level];
        const double share = touched.share(level);
        band.mean += share / static_cast<double>(seeds);
        band.low = seed == 0 ? share : std::min(band.low, share);
        band.high = seed == 0 ? share : std::max(band.high, share);
    }
}

} // namespace

std::vector<SimulationPoint> simulate(const SimulationSettings& settings, const Shortlist& shortlist,
                                      const std::function<bool()>& stop) {
    std::vector<SimulationPoint> points;
    if (settings.images == 0 || settings.keep.empty() || settings.seeds == 0) {
        return points;
    }
    for (const std::size_t query : measuredQueries(settings.queries)) {
        points.push_back({query, std::vector<Band>(settings.keep.size())});
    }
    for (std::size_t seed = 0; seed < settings.seeds; ++seed) {
        std::mt19937_64 random(settings.first_seed + seed);
        const Wanted wanted(settings, random);
        std::vector<std::size_t> order(settings.draw == Draw::Random ? settings.images : 0);
        std::iota(order.begin(), order.end(), std::size_t{0});
        Touched touched(settings.keep.size(), settings.images);
        std::size_t query = 0;
        for (SimulationPoint& point : points) {
            for (; query < point.query; ++query) {
                if (stop && query % 64 == 0 && stop()) {
                    return points;
                }
                if (settings.draw == Draw::Random) {
                    touchRandom(settings, random, order, touched);
                } else {
                    touchShortlist(settings, shortlist(wanted.next(random)), touched);
                }
            }
            record(point, touched, seed, settings.seeds);
        }
    }
    return points;
}

} // namespace fulgurite::cascade
