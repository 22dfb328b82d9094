// SPDX-License-Identifier: Apache-2.0
// The plots of the MRAG project from a result file, its own or one of an evaluation here: what they show as plain
// data, and as SVG and CSV. Besta et al. 2024; k is the true number of documents (the published plots show the
// value for k + 1 at k).
#pragma once

#include "core/retrieval/results/result_file.h"

#include <cstdint>
#include <string>
#include <vector>

namespace fulgurite::retrieval {

// Quartiles by linear interpolation; whiskers end at the last values within 1.5 quartile distances of the box; the
// notch is the median with 1.57 quartile distances over the root of the count on either side.
struct BoxStatistics {
    double mean = 0;
    double low = 0; // whiskers
    double first = 0;
    double median = 0;
    double third = 0;
    double high = 0;
    double notch = 0;
};
BoxStatistics boxOf(std::vector<double> values); // at least one

// What is drawn at one tick.
struct FigureMark {
    std::size_t queries = 0;
    BoxStatistics box;
    Interval mean; // of a histogram: how many queries; 95 percent by bootstrap over the queries
};

struct FigureSeries {
    std::string strategy;
    std::vector<std::vector<double>> values; // at each tick: of every query; of a histogram, the one count
    std::vector<FigureMark> marks;           // at each tick
};

struct FigurePanel {
    std::string title;              // "n = 10"
    std::vector<std::string> ticks; // "10"
    std::vector<FigureSeries> series;
};

struct Figure {
    enum class Kind : std::uint8_t {
        Boxes, // notched, with the mean
        Lines, // through the means
        Bars,
    };
    std::string name; // of its file: "relative-boxes"
    std::string title;
    std::string values; // what the vertical axis counts
    Kind kind = Kind::Boxes;
    std::vector<FigurePanel> panels;
    std::string across = "k"; // what the ticks count
};

// What the vertical axis shows: round ends around every mark, and the step between its lines.
struct FigureRange {
    double low = 0;
    double high = 1;
    double step = 0.2;
};
FigureRange rangeOf(const Figure& figure);

// Those that the file has strategies and numbers of aspects for, in the order of the published program. Intervals
// are those of an evaluation with its usual settings: 2,000 resamples, seed 1.
std::vector<Figure> resultFigures(const ResultFile& file);

std::string figureSvg(const Figure& figure);
// One line for each mark: figure, panel, tick, strategy, queries, mean with its interval, quartiles.
std::string figuresCsv(const std::vector<Figure>& figures);

} // namespace fulgurite::retrieval
