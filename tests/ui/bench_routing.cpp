// SPDX-License-Identifier: GPL-3.0-or-later
// The expert routing of a text of 100,000 tokens in the shape of MiniMax-M1 (80 layers, 32 experts, 2 a token):
// from a capture file to the first whole picture, at four pixels a token and with the whole text in sight, then
// scrolling and zooming. Prints milliseconds; the aim for the first picture is 300, a frame is 16.
#include "core/probe/capture/capture_writer.h"
#include "core/probe/capture/costs.h"
#include "ui/inspect/attention_tracks.h"
#include "ui/inspect/capture_file_source.h"
#include "ui/inspect/captured_texts.h"
#include "ui/inspect/routing_timeline.h"

#include <QApplication>
#include <QElapsedTimer>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <random>
#include <vector>

using namespace fulgurite;

namespace {

constexpr std::size_t kTokens = 100000;

// Random choices that keep to one expert for a while, as text does.
std::string writeCapture(const QString& folder) {
    const std::string path = (folder + QStringLiteral("/routing.fcap")).toStdString();
    capture::CaptureInfo info;
    info.config = capture::minimaxM1Shape();
    info.routing = true;
    std::vector<capture::CapturedToken> tokens(kTokens);
    const std::vector<std::string> vocabulary{" word"};
    capture::CaptureContents contents;
    contents.logprobs = false;
    capture::CaptureWriter writer(path, info, contents, tokens, vocabulary);
    std::mt19937 random(1);
    constexpr std::size_t kRows = 1000;
    for (std::size_t first = 0; first < kTokens; first += kRows) {
        for (int layer = 0; layer < info.config.layerCount(); ++layer) {
            std::vector<std::int32_t> experts;
            std::vector<float> weights;
            std::vector<float> margin;
            for (std::size_t i = 0; i < kRows; ++i) {
                const auto expert =
                    static_cast<std::int32_t>((random() % 3 + first / 500 + static_cast<unsigned>(layer)) % 32);
                const float weight = 0.5F + static_cast<float>(random() % 500) / 1000;
                experts.insert(experts.end(), {expert, (expert + 7) % 32});
                weights.insert(weights.end(), {weight, 1 - weight});
                margin.push_back(static_cast<float>(random() % 1000) / 1000);
            }
            writer.routing(layer, first, experts, weights, margin, kRows);
        }
    }
    writer.finish();
    return path;
}

void report(const char* name, std::vector<double> milliseconds) {
    std::sort(milliseconds.begin(), milliseconds.end());
    std::printf("%-52s longest %7.2f ms   median %6.2f ms   %zu times\n", name, milliseconds.back(),
                milliseconds[milliseconds.size() / 2], milliseconds.size());
}

double timed(const std::function<void()>& work) {
    QElapsedTimer timer;
    timer.start();
    work();
    return static_cast<double>(timer.nsecsElapsed()) / 1e6;
}

// Until everything in sight is painted; notes how long the window's thread was held at once.
void finish(RoutingTimeline& timeline, std::vector<double>& held) {
    while (!timeline.complete()) {
        held.push_back(timed([] { QApplication::processEvents(); }));
        QThread::usleep(200);
    }
    held.push_back(timed([&] { timeline.repaint(); }));
}

void benchTimeline(ThemeManager& themes, const std::string& path, bool whole) {
    std::vector<double> held;
    const double first_picture = timed([&] {
        CaptureFileSource source(capture::CaptureFile::open(path), QString::fromStdString(path));
        CapturedTexts texts;
        texts.setSource(&source);
        RoutingStore store;
        store.setSource(&source);
        RoutingTimeline timeline(themes, store, texts);
        timeline.resize(1080, 230);
        timeline.show();
        timeline.setText(kTokens, source.info().config.layers, source.info().config.num_experts);
        if (whole) {
            timeline.fit();
        }
        finish(timeline, held);
    });
    std::printf("%-52s %15.1f ms\n",
                whole ? "first picture of the whole text" : "first picture at four pixels a token", first_picture);
    report("    held the window's thread", held);
}

void benchScrolling(ThemeManager& themes, const std::string& path) {
    CaptureFileSource source(capture::CaptureFile::open(path), QString::fromStdString(path));
    CapturedTexts texts;
    texts.setSource(&source);
    RoutingStore store;
    store.setSource(&source);
    RoutingTimeline timeline(themes, store, texts);
    timeline.resize(1080, 230);
    timeline.show();
    timeline.setText(kTokens, source.info().config.layers, source.info().config.num_experts);
    std::vector<double> held;
    finish(timeline, held);
    std::vector<double> steps;
    int ready = 0;
    for (int i = 0; i < 600; ++i) { // a steady pan of 30 tokens a frame
        steps.push_back(timed([&] {
            timeline.setRange(timeline.range().translated(-30, 0));
            QApplication::processEvents();
            timeline.repaint();
        }));
        ready += timeline.complete() ? 1 : 0;
        QThread::msleep(8);
    }
    report("scrolling, one frame", steps);
    std::printf("    frames with all of it painted: %d of 600\n", ready);
    steps.clear();
    for (int i = 0; i < 60; ++i) {
        steps.push_back(timed([&] {
            timeline.zoomAt({60000, 1}, i < 30 ? 1 / 1.25 : 1.25);
            QApplication::processEvents();
            timeline.repaint();
        }));
        QThread::msleep(8);
    }
    report("zooming, one notch", steps);
    timeline.fit();
    finish(timeline, held);
    held.clear();
    const double recolored = timed([&] {
        timeline.setExpert(5);
        finish(timeline, held);
    });
    std::printf("%-52s %15.1f ms\n", "whole text, one expert alone", recolored);
    report("    held the window's thread", held);
}

void benchTracks(ThemeManager& themes) {
    std::mt19937 random(2);
    std::normal_distribution<float> normal;
    capture::AttentionRow row;
    row.position = kTokens - 1;
    for (std::size_t i = 0; i < kTokens; ++i) {
        row.score.push_back(normal(random));
        row.decay.push_back(std::exp(-1e-4F * static_cast<float>(kTokens - 1 - i)));
        row.weight.push_back(row.score.back() * row.decay.back());
        row.share.push_back(row.weight.back() * normal(random) / 1000);
    }
    CapturedTexts texts;
    AttentionTracks tracks(themes, texts);
    tracks.resize(530, 300);
    tracks.show();
    tracks.setTokens(kTokens);
    tracks.setRow(std::make_shared<const TrackData>(std::move(row)));
    QApplication::processEvents();
    std::vector<double> steps;
    for (const double span : {100000.0, 20000.0, 2000.0, 152.0}) {
        tracks.setRange({0, 0, span, 1});
        for (int i = 0; i < 50; ++i) {
            steps.push_back(timed([&] {
                tracks.setRange(tracks.range().translated(span / 40, 0));
                tracks.repaint();
            }));
        }
    }
    report("attention tracks, one frame of a pan", steps);
}

} // namespace

int main(int argc, char** argv) {
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    QApplication application(argc, argv);
    const QTemporaryDir folder;
    const std::string path = writeCapture(folder.path());
    ThemeManager themes;
    themes.setMode(ThemeMode::Dark);
    themes.apply();
    benchTimeline(themes, path, false);
    benchTimeline(themes, path, true);
    benchScrolling(themes, path);
    benchTracks(themes);
    return 0;
}
