// SPDX-License-Identifier: Apache-2.0
// A figure as an SVG picture: panels side by side on one vertical axis, a legend, and the numbers of every mark as
// its title, which browsers show and screen readers read.
#include "core/retrieval/results/result_figures.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>

namespace fulgurite::retrieval {

namespace {

constexpr double kTickWidth = 46; // of one tick and one series; grows with the series
constexpr double kPlotHeight = 240;
constexpr double kLeft = 64;
constexpr double kTop = 58;
constexpr double kBottom = 46;
constexpr double kPanelGap = 14;
constexpr double kLeastPanel = 120;
// Told apart by people who see few colours, and by their shade in print.
constexpr std::array<const char*, 3> kColours{"#0072b2", "#d55e00", "#7a7a7a"};

class Picture {
  public:
    explicit Picture(const Figure& figure) : figure_(figure), range_(rangeOf(figure)) {
        for (const FigurePanel& panel : figure_.panels) {
            const double series = static_cast<double>(panel.series.size());
            const double each =
                figure_.kind == Figure::Kind::Lines ? kTickWidth : kTickWidth / 1.6 * (series + 0.6);
            widths_.push_back(std::max(kLeastPanel, each * static_cast<double>(panel.ticks.size())));
            width_ += widths_.back() + kPanelGap;
        }
    }

    std::string run() {
        svg_ = fmt::format(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
            "height=\"{1:.0f}\" font-family=\"sans-serif\" font-size=\"12\" role=\"img\">\n<title>{2}"
            "</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
            width_, kTop + kPlotHeight + kBottom, figure_.title);
        text(kLeft, 20, "start", figure_.title, " font-weight=\"bold\" font-size=\"14\"");
        legend();
        text(kLeft - 6, kTop + kPlotHeight + 17, "end", figure_.across);
        double left = kLeft;
        for (std::size_t i = 0; i < figure_.panels.size(); ++i) {
            panel(figure_.panels[i], left, widths_[i], i == 0);
            left += widths_[i] + kPanelGap;
        }
        svg_ += fmt::format("<text transform=\"translate(16 {:.1f}) rotate(-90)\" text-anchor=\"middle\" "
                            "fill=\"#333333\">{}</text>\n</svg>\n",
                            kTop + kPlotHeight / 2, figure_.values);
        return std::move(svg_);
    }

  private:
    double y(double value) const { return kTop + kPlotHeight * (range_.high - value) / (range_.high - range_.low); }

    void text(double x, double y, const char* anchor, const std::string& words, const char* more = "") {
        svg_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" fill=\"#222222\"{}>{}</text>\n", x,
                            y, anchor, more, words);
    }

    void line(double x1, double y1, double x2, double y2, const char* colour, double width) {
        svg_ += fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\" "
                            "stroke-width=\"{}\"/>\n",
                            x1, y1, x2, y2, colour, width);
    }

    void legend() {
        double x = kLeft;
        const FigurePanel& panel = figure_.panels.front();
        for (std::size_t i = 0; i < panel.series.size(); ++i) {
            svg_ +=
                fmt::format("<rect x=\"{:.1f}\" y=\"31\" width=\"11\" height=\"11\" fill=\"{}\"/>\n", x, colour(i));
            text(x + 16, 41, "start", panel.series[i].strategy);
            x += 34 + 7.0 * static_cast<double>(panel.series[i].strategy.size());
        }
    }

    static const char* colour(std::size_t series) { return kColours[std::min(series, kColours.size() - 1)]; }

    void panel(const FigurePanel& panel, double left, double width, bool first) {
        for (double value = range_.low; value <= range_.high + range_.step / 2; value += range_.step) {
            const bool zero = std::abs(value) < range_.step / 1000;
            line(left, y(value), left + width, y(value), zero ? "#555555" : "#dddddd", 1);
            if (first) {
                text(left - 6, y(value) + 4, "end", fmt::format("{:.3g}", zero ? 0.0 : value));
            }
        }
        text(left + width / 2, kTop + kPlotHeight + 34, "middle", panel.title, " font-weight=\"bold\"");
        const double each = width / static_cast<double>(panel.ticks.size());
        for (std::size_t i = 0; i < panel.ticks.size(); ++i) {
            text(left + each * (static_cast<double>(i) + 0.5), kTop + kPlotHeight + 17, "middle", panel.ticks[i]);
        }
        for (std::size_t s = 0; s < panel.series.size(); ++s) {
            if (figure_.kind == Figure::Kind::Lines) {
                lines(panel, s, left, each);
            } else {
                marks(panel, s, left, each);
            }
        }
    }

    void lines(const FigurePanel& panel, std::size_t s, double left, double each) {
        const FigureSeries& series = panel.series[s];
        std::string points;
        std::string dots;
        for (std::size_t i = 0; i < series.marks.size(); ++i) {
            // Series stand a little beside each other, so that no interval hides another.
            const double aside = static_cast<double>(s) - (static_cast<double>(panel.series.size()) - 1) / 2;
            const double x = left + each * (static_cast<double>(i) + 0.5) + 4 * aside;
            const Interval& mean = series.marks[i].mean;
            points += fmt::format("{:.1f},{:.1f} ", x, y(mean.mean));
            interval(mean, x, colour(s));
            dots += fmt::format(
                "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"><title>{}, {}, k = {}: {:.4f}, {:.4f} to "
                "{:.4f}</title></circle>\n",
                x, y(mean.mean), colour(s), series.strategy, panel.title, panel.ticks[i], mean.mean, mean.low,
                mean.high);
        }
        svg_ += fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.8\"/>\n", points,
                            colour(s));
        svg_ += dots;
    }

    void marks(const FigurePanel& panel, std::size_t s, double left, double each) {
        const FigureSeries& series = panel.series[s];
        const double share = each * 0.8 / static_cast<double>(panel.series.size());
        for (std::size_t i = 0; i < series.marks.size(); ++i) {
            const double centre =
                left + each * (static_cast<double>(i) + 0.1) + share * (static_cast<double>(s) + 0.5);
            const FigureMark& mark = series.marks[i];
            const std::string name =
                fmt::format("{}, {}, {} = {}", series.strategy, panel.title, figure_.across, panel.ticks[i]);
            if (figure_.kind == Figure::Kind::Bars) {
                svg_ +=
                    fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\">"
                                "<title>{}: {:.0f}, {:.0f} to {:.0f}</title></rect>\n",
                                centre - share * 0.46, y(mark.mean.mean), share * 0.92, y(0) - y(mark.mean.mean),
                                colour(s), name, mark.mean.mean, mark.mean.low, mark.mean.high);
                interval(mark.mean, centre, "#222222");
            } else {
                box(mark, centre, share * 0.36, colour(s), name);
            }
        }
    }

    // Where the mean lies with 95 percent.
    void interval(const Interval& mean, double x, const char* colour) {
        line(x, y(mean.low), x, y(mean.high), colour, 1);
        for (const double end : {mean.low, mean.high}) {
            line(x - 2.5, y(end), x + 2.5, y(end), colour, 1);
        }
    }

    void box(const FigureMark& mark, double x, double half, const char* colour, const std::string& name) {
        const BoxStatistics& box = mark.box;
        svg_ += fmt::format("<g><title>{}: mean {:.4f}, {:.4f} to {:.4f}, median {:.4f}, quartiles {:.4f} and "
                            "{:.4f}</title>\n",
                            name, mark.mean.mean, mark.mean.low, mark.mean.high, box.median, box.first, box.third);
        line(x, y(box.low), x, y(box.high), colour, 1);
        line(x - half / 2, y(box.low), x + half / 2, y(box.low), colour, 1);
        line(x - half / 2, y(box.high), x + half / 2, y(box.high), colour, 1);
        // The notch narrows the box at the median; it ends at the box, however wide it is.
        const double above = std::min(box.third, box.median + box.notch);
        const double below = std::max(box.first, box.median - box.notch);
        const double waist = half * 0.55;
        std::string points;
        for (const auto& [dx, value] :
             {std::pair(-half, box.third), std::pair(half, box.third), std::pair(half, above),
              std::pair(waist, box.median), std::pair(half, below), std::pair(half, box.first),
              std::pair(-half, box.first), std::pair(-half, below), std::pair(-waist, box.median),
              std::pair(-half, above)}) {
            points += fmt::format("{:.1f},{:.1f} ", x + dx, y(value));
        }
        svg_ += fmt::format("<polygon points=\"{}\" fill=\"{}\" fill-opacity=\"0.3\" stroke=\"{}\"/>\n", points,
                            colour, colour);
        line(x - waist, y(box.median), x + waist, y(box.median), colour, 2);
        interval(mark.mean, x, "#222222");
        std::string pentagon;
        for (int i = 0; i < 5; ++i) {
            const double angle = 2 * 3.14159265358979 * i / 5;
            pentagon +=
                fmt::format("{:.1f},{:.1f} ", x + 4.5 * std::sin(angle), y(box.mean) - 4.5 * std::cos(angle));
        }
        svg_ += fmt::format("<polygon points=\"{}\" fill=\"#ffffff\" stroke=\"#222222\"/></g>\n", pentagon);
    }

    const Figure& figure_;
    std::vector<double> widths_;
    double width_ = kLeft;
    FigureRange range_;
    std::string svg_;
};

} // namespace

std::string figureSvg(const Figure& figure) {
    return Picture(figure).run();
}

} // namespace fulgurite::retrieval
