// SPDX-License-Identifier: GPL-3.0-or-later
// MiniMax-M1 technical report (June 2025), figures 2 and 4.
#include "ui/train/paper_figures.h"

#include <array>
#include <span>

namespace fulgurite {
namespace {

struct Reading {
    double step;
    double value;
};

// Figure 2: AIME 2024, average of 32 samples, per cent; Qwen2.5-32B base on the mathematics data of DAPO.
constexpr auto kGrpo =
    std::to_array<Reading>({{0, 1.7},     {64, 10.6},   {128, 16.9},  {192, 16.5},  {256, 20.8},  {320, 20.0},
                            {384, 22.3},  {448, 21.0},  {512, 20.4},  {576, 20.8},  {640, 22.1},  {704, 22.7},
                            {768, 22.3},  {832, 24.2},  {896, 22.1},  {960, 22.5},  {1024, 23.5}, {1088, 23.7},
                            {1152, 22.7}, {1216, 24.2}, {1280, 22.1}, {1344, 22.1}, {1408, 23.7}, {1472, 23.5}});
constexpr auto kDapo = std::to_array<Reading>(
    {{0, 1.5},     {64, 8.3},    {128, 14.8},  {192, 20.8},  {256, 20.6},  {320, 22.1},  {384, 25.7}, {448, 26.1},
     {512, 24.2},  {576, 26.5},  {640, 28.3},  {704, 29.0},  {768, 28.5},  {896, 31.0},  {960, 34.4}, {1024, 28.3},
     {1088, 31.5}, {1152, 27.3}, {1216, 30.6}, {1280, 33.3}, {1344, 31.7}, {1408, 32.5}, {1472, 34.0}});
constexpr auto kCispo = std::to_array<Reading>(
    {{0, 1.7},     {128, 24.1},  {256, 26.4},  {320, 28.7},  {352, 30.0},  {384, 32.3},  {448, 34.4}, {512, 35.8},
     {576, 34.6},  {640, 35.4},  {704, 37.7},  {768, 36.5},  {832, 37.9},  {896, 41.9},  {960, 41.2}, {1024, 44.6},
     {1088, 40.4}, {1152, 41.7}, {1216, 41.9}, {1280, 41.5}, {1344, 40.6}, {1408, 43.3}, {1472, 38.3}});

// Figure 4: accuracy in per cent and mean response length in tokens over the steps of the model's own training.
constexpr auto kAime24 = std::to_array<Reading>(
    {{0, 67.9},    {260, 73.3},  {380, 75.0},  {510, 74.6},  {640, 73.1},  {770, 74.0},  {900, 72.9},  {1010, 76.2},
     {1020, 74.0}, {1150, 72.9}, {1220, 74.4}, {1280, 74.6}, {1340, 72.7}, {1470, 74.0}, {1600, 72.7}, {1660, 69.8},
     {1700, 72.5}, {1820, 73.1}, {1950, 73.1}, {2080, 74.2}, {2210, 74.6}, {2400, 72.5}, {2610, 77.5}, {2740, 79.8},
     {2860, 77.5}, {2930, 79.6}, {2990, 81.2}, {3120, 81.0}, {3180, 80.6}, {3250, 81.0}, {3380, 82.3}, {3500, 82.1},
     {3820, 82.3}, {3890, 81.5}, {3920, 80.8}, {4190, 83.8}, {4220, 86.3}, {4290, 85.0}, {4300, 84.6}});
constexpr auto kAime24Length = std::to_array<Reading>({{260, 12520},
                                                       {380, 13810},
                                                       {510, 13310},
                                                       {640, 14520},
                                                       {900, 16280},
                                                       {1150, 16150},
                                                       {1340, 16180},
                                                       {1600, 14320},
                                                       {1820, 14200},
                                                       {2080, 14880},
                                                       {2400, 15620},
                                                       {2740, 15600},
                                                       {2990, 16560},
                                                       {3250, 17300},
                                                       {3500, 16680},
                                                       {3820, 18630},
                                                       {3920, 20160},
                                                       {4190, 21780},
                                                       {4300, 21370}});
constexpr auto kAime25 =
    std::to_array<Reading>({{0, 49.2},    {130, 56.9},  {260, 57.3},  {380, 63.3},  {510, 65.0},  {640, 61.9},
                            {900, 66.9},  {1150, 67.7}, {1280, 68.3}, {1470, 62.9}, {1820, 67.3}, {2080, 64.4},
                            {2400, 65.4}, {2740, 69.2}, {2860, 70.6}, {2930, 67.5}, {2990, 72.1}, {3250, 73.8},
                            {3380, 71.3}, {3500, 75.4}, {3820, 72.3}, {3920, 74.4}, {4190, 78.3}, {4300, 75.6}});
constexpr auto kAime25Length = std::to_array<Reading>({{130, 13320},
                                                       {380, 16050},
                                                       {900, 19250},
                                                       {1340, 18810},
                                                       {1600, 15970},
                                                       {2080, 17180},
                                                       {2610, 18050},
                                                       {2990, 19530},
                                                       {3250, 20620},
                                                       {3500, 19340},
                                                       {3820, 21760},
                                                       {4190, 26160},
                                                       {4220, 27120},
                                                       {4300, 26510}});
constexpr auto kLiveCode = std::to_array<Reading>({{0, 54.3},
                                                   {260, 61.7},
                                                   {380, 63.8},
                                                   {900, 65.0},
                                                   {1150, 66.6},
                                                   {1280, 64.4},
                                                   {1700, 63.5},
                                                   {2400, 64.6},
                                                   {2740, 63.0},
                                                   {3120, 64.9},
                                                   {3380, 66.3},
                                                   {3820, 67.1},
                                                   {3920, 68.1},
                                                   {4190, 70.7},
                                                   {4220, 71.3},
                                                   {4300, 70.1}});
constexpr auto kLiveCodeLength = std::to_array<Reading>({{260, 13340},
                                                         {380, 14480},
                                                         {900, 16620},
                                                         {1150, 16900},
                                                         {1340, 16930},
                                                         {1600, 14460},
                                                         {1950, 15160},
                                                         {2610, 14820},
                                                         {3120, 15730},
                                                         {3500, 15730},
                                                         {3820, 17310},
                                                         {3920, 18170},
                                                         {4190, 20770},
                                                         {4220, 21470},
                                                         {4300, 20960}});

PaperLine lineOf(const char* label, int look, std::span<const Reading> readings, double unit,
                 const QString& source) {
    PaperLine line{.label = QLatin1String(label), .look = look, .x = {}, .y = {}, .source = source};
    for (const Reading& each : readings) {
        line.x.push_back(each.step);
        line.y.push_back(each.value * unit);
    }
    return line;
}

constexpr double kPerCent = 0.01; // charts of accuracy show shares

} // namespace

std::vector<PaperLine> paperLines(const QString& chart, int figure,
                                  const std::function<int(const QString&)>& look_of) {
    const auto look = [&](const char* name) { return look_of(QLatin1String(name)); };
    if (figure == 2 && chart == QLatin1String("accuracy")) {
        const QString source = QStringLiteral(
            "from the paper, figure 2: AIME 2024, Qwen2.5-32B. Another task and model; read off ±0.1 points");
        return {lineOf("CISPO", look("cispo"), kCispo, kPerCent, source),
                lineOf("DAPO", look("dapo"), kDapo, kPerCent, source),
                lineOf("GRPO", look("grpo"), kGrpo, kPerCent, source)};
    }
    if (figure != 4) {
        return {};
    }
    const QString source =
        QStringLiteral("from the paper, figure 4: MiniMax-M1 in training. Another task and model; "
                       "read off ±0.1 points, ±10 steps, ±50 tokens");
    if (chart == QLatin1String("accuracy")) {
        return {lineOf("AIME 2024", 0, kAime24, kPerCent, source),
                lineOf("AIME 2025", 1, kAime25, kPerCent, source),
                lineOf("LiveCodeBench v5", 2, kLiveCode, kPerCent, source)};
    }
    if (chart == QLatin1String("length")) {
        return {lineOf("AIME 2024", 0, kAime24Length, 1, source), lineOf("AIME 2025", 1, kAime25Length, 1, source),
                lineOf("LiveCodeBench v5", 2, kLiveCodeLength, 1, source)};
    }
    return {};
}

} // namespace fulgurite
