// SPDX-License-Identifier: GPL-3.0-or-later
// Attention tracks, token maps, expert routing, lens and costs: against captures that the writer wrote, and against
// sums done the slow way.
#include "core/probe/capture/costs.h"
#include "tests/support/capture_sample.h"
#include "ui/base/format.h"
#include "ui/base/theme_manager.h"
#include "ui/inspect/attention_tracks.h"
#include "ui/inspect/capture_file_source.h"
#include "ui/inspect/captured_texts.h"
#include "ui/inspect/cost_plot.h"
#include "ui/inspect/expert_load.h"
#include "ui/inspect/expert_reader.h"
#include "ui/inspect/layer_maps.h"
#include "ui/inspect/lens_plot.h"
#include "ui/inspect/routing_timeline.h"
#include "ui/inspect/token_map.h"

#include <QListView>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <cmath>
#include <map>
#include <random>

using namespace fulgurite;

namespace {

using capture::HeadRef;

bool hasColor(const QImage& image, const QRect& area, QRgb wanted) {
    for (int y = area.top(); y <= area.bottom(); ++y) {
        for (int x = area.left(); x <= area.right(); ++x) {
            if ((image.pixel(x, y) & 0xffffff) == (wanted & 0xffffff)) {
                return true;
            }
        }
    }
    return false;
}

RoutingChunk randomRouting(std::size_t first, std::size_t count, int layers, int experts, unsigned seed) {
    std::mt19937 random(seed);
    auto slice = std::make_shared<capture::RoutingSlice>();
    slice->first = first;
    slice->count = count;
    slice->layers = layers;
    slice->top_k = 2;
    for (std::size_t i = 0; i < count * static_cast<std::size_t>(layers); ++i) {
        const auto expert = static_cast<std::int16_t>(random() % static_cast<unsigned>(experts - 1));
        const float weight = 0.5F + static_cast<float>(random() % 500) / 1000;
        slice->experts.insert(slice->experts.end(),
                              {expert, static_cast<std::int16_t>((expert + 1) % (experts - 1))});
        slice->weights.insert(slice->weights.end(), {weight, 1 - weight});
        slice->margin.push_back(static_cast<float>(random() % 1000) / 1000);
    }
    return slice;
}

} // namespace

class TestInspectTracks : public QObject {
    Q_OBJECT

  private slots:
    void initTestCase() {
        themes_.setMode(ThemeMode::Dark);
        themes_.apply();
        QVERIFY(folder_.isValid());
        test::CaptureSampleOptions options;
        options.tokens = 700; // several tiles at one token a cell
        sample_ = std::make_unique<test::CaptureSample>(options);
        const QString path = folder_.filePath(QStringLiteral("sample.fcap"));
        file_ = sample_->write(path.toStdString());
        source_ = std::make_unique<CaptureFileSource>(file_, path);
        texts_.setSource(source_.get());
    }
    void cleanupTestCase() { source_.reset(); }

    void extremesAreThoseOfTheRange() {
        std::mt19937 random(3);
        for (const std::size_t size : {1U, 15U, 16U, 17U, 256U, 257U, 5000U}) {
            std::vector<float> values(size);
            for (float& value : values) {
                value = random() % 50 == 0 ? std::nanf("") : static_cast<float>(random() % 2000) - 1000;
            }
            const RangeExtremes extremes(values);
            for (int i = 0; i < 400; ++i) {
                const std::size_t begin = random() % size;
                const std::size_t end = begin + random() % (size - begin + 3);
                RangeExtremes::Range slow;
                for (std::size_t j = begin; j < std::min(end, size); ++j) {
                    slow.low = values[j] < slow.low ? values[j] : slow.low;
                    slow.high = values[j] > slow.high ? values[j] : slow.high;
                }
                QCOMPARE(extremes.over(begin, end).low, slow.low);
                QCOMPARE(extremes.over(begin, end).high, slow.high);
            }
        }
    }

    // One source token of 100,000 stands out: it has to be seen at any zoom.
    void noSpikeIsLost() {
        capture::AttentionRow row;
        row.kind = LayerKind::Lightning;
        row.position = 99999;
        row.score.assign(100000, 0);
        row.decay.assign(100000, 1);
        row.weight.assign(100000, 0);
        row.share.assign(100000, 0);
        const std::size_t spike = 31234;
        row.score[spike] = 5;
        row.weight[spike] = -5;
        AttentionTracks tracks(themes_, texts_);
        tracks.resize(700, 400);
        tracks.setTokens(100000);
        tracks.setRow(std::make_shared<const TrackData>(std::move(row)));
        for (const double span : {100000.0, 20011.0, 3000.0, 100.0}) {
            for (const std::optional<std::size_t> source : {std::optional<std::size_t>(), std::optional(spike)}) {
                tracks.setSource(source); // its mark stands around the token, not on it
                tracks.setRange({31234 - span / 3, 0, span, 1});
                const QImage image = tracks.picture(1);
                QVERIFY(hasColor(image, image.rect(), themes_.color(Role::Positive).rgb()));
                QVERIFY(hasColor(image, image.rect(), themes_.color(Role::Negative).rgb()));
                QCOMPARE(hasColor(image, image.rect(), themes_.color(Role::Focus).rgb()), source.has_value());
            }
        }
        tracks.setSource({});
        tracks.setRange({50000, 0, 3000, 1});
        QVERIFY(!hasColor(tracks.picture(1), QRect(0, 0, 700, 400), themes_.color(Role::Positive).rgb()));
    }

    void tracksShowTheRowAndChooseTokens() {
        AttentionTracks tracks(themes_, texts_);
        tracks.resize(700, 400);
        tracks.show();
        tracks.setTokens(700);
        const capture::AttentionRow row = file_->row({0, 1}, 690);
        tracks.setRow(std::make_shared<const TrackData>(row));
        QCOMPARE(std::round(tracks.pixelsPerToken()), 3.0);
        QVERIFY2(std::abs(tracks.row()->rate - file_->decay().rate({0, 1})) < 1e-5,
                 "the rate is read back from float32 decay");
        const TableTwin twin = tracks.table();
        QCOMPARE(twin.rows, 691);
        for (const int token : {0, 345, 690}) {
            QCOMPARE(twin.cell(token, 3).toFloat(), row.score[static_cast<std::size_t>(token)]);
            QCOMPARE(twin.cell(token, 5).toFloat(), row.weight[static_cast<std::size_t>(token)]);
            QCOMPARE(twin.cell(token, 1).toInt(), 690 - token);
        }
        QSignalSpy source(&tracks, &AttentionTracks::sourceChosen);
        QSignalSpy query(&tracks, &AttentionTracks::queryChosen);
        const QPoint at = tracks.toPixel({650.5, 0.5}).toPoint();
        QTest::mouseClick(&tracks, Qt::LeftButton, {}, at);
        QCOMPARE(source.takeFirst().first().value<std::size_t>(), std::size_t{650});
        QTest::mouseClick(&tracks, Qt::LeftButton, Qt::ControlModifier, at);
        QCOMPARE(query.takeFirst().first().value<std::size_t>(), std::size_t{650});
        tracks.setSource(650);
        QTest::keyClick(&tracks, Qt::Key_Left);
        QCOMPARE(source.takeFirst().first().value<std::size_t>(), std::size_t{649});
        QTest::keyClick(&tracks, Qt::Key_Home);
        QCOMPARE(source.takeFirst().first().value<std::size_t>(), std::size_t{0});
        QTest::keyClick(&tracks, Qt::Key_Up);
        QCOMPARE(tracks.gain(), 2.0);
        QTest::keyClick(&tracks, Qt::Key_F);
        QVERIFY(tracks.fitted());
        QVERIFY(tracks.accessibleDescription().contains(QStringLiteral("token 650")));
    }

    void theLabelSaysHowGoodTheRowIs() {
        capture::AttentionRow row = file_->row({0, 1}, 690);
        QVERIFY(row.error < kRowTolerance);
        QVERIFY(provenanceLabel(row).role == Role::Good);
        row.provenance = capture::Provenance::Approximated;
        QVERIFY(provenanceLabel(row).role == Role::Accent);
        row.error = 0.01;
        QVERIFY(provenanceLabel(row).role == Role::Bad);
        row.error = std::nan("");
        row.provenance = capture::Provenance::Recomputed;
        QVERIFY(provenanceLabel(row).role == Role::Muted);
    }

    void mapHoldsTheRowsOfTheHead() {
        TokenMap map(themes_, texts_);
        map.resize(500, 420);
        map.show();
        map.setSource(source_.get());
        map.setFollowing(false);
        map.setHead({2, 3}, LayerKind::Lightning);
        map.setSelection(600, 590);
        map.setRange({480, 500, 200, 200});
        QCOMPARE(map.pool(), std::size_t{1});
        QTRY_VERIFY(!map.busy());
        const TableTwin twin = map.table();
        for (const int query : {510, 555, 690}) {
            const capture::AttentionRow row = file_->row({2, 3}, static_cast<std::size_t>(query));
            for (const int token : {480, 500, 509}) {
                const float found = twin.cell(query - 500, token - 480 + 2).toFloat();
                const float wanted = row.weight[static_cast<std::size_t>(token)];
                // Rows and tiles add the same products in another order: eight products of float32.
                QVERIFY2(std::abs(found - wanted) <= 1e-6F + 1e-5F * std::abs(wanted),
                         qPrintable(QString::number(found)));
            }
        }
        QVERIFY2(!twin.cell(0, 2 + 60).isValid(), "a source after the query has no value");
        QSignalSpy chosen(&map, &TokenMap::cellChosen);
        QTest::mouseClick(&map, Qt::LeftButton, {}, map.toPixel({520.5, 640.5}).toPoint());
        QCOMPARE(chosen.first().at(0).value<std::size_t>(), std::size_t{640});
        QCOMPARE(chosen.first().at(1).value<std::size_t>(), std::size_t{520});
        QTest::mouseClick(&map, Qt::LeftButton, {}, map.toPixel({660.5, 520.5}).toPoint());
        QCOMPARE(chosen.size(), 1); // nothing is defined there
    }

    void farMapKeepsTheGreatest() {
        TokenMap map(themes_, texts_);
        map.resize(300, 200);
        map.show();
        map.setSource(source_.get());
        map.setFollowing(false);
        map.setHead({0, 2}, LayerKind::Lightning);
        map.setSelection(600, 590);
        map.fit();
        QTRY_VERIFY(!map.busy());
        QVERIFY(map.pool() > 1);
        QVERIFY(!map.coverage().isEmpty());
        float most = 0;
        for (std::size_t position = 0; position < 700; ++position) {
            for (const float weight : file_->row({0, 2}, position).weight) {
                most = std::max(most, std::abs(weight));
            }
        }
        QTRY_VERIFY(std::abs(map.largest() - static_cast<double>(most)) <= 1e-5 * static_cast<double>(most));
        QVERIFY(map.colorRange() > 0 && map.colorRange() <= map.largest());
        const double range = map.colorRange();
        QTest::keyClick(&map, Qt::Key_BracketRight);
        QCOMPARE(map.colorRange(), range / 2);
    }

    void mapColoursAreCentredAtZero() {
        capture::AttentionTile tile;
        tile.rows = 1;
        tile.cols = 4;
        tile.cells = {-2, 0, 2, std::nanf("")};
        const MapStyle style = mapStyle(themes_.theme(), LayerKind::Lightning, 2, 1);
        const QImage image = mapImage(tile, style);
        QCOMPARE(QColor(image.pixel(0, 0)).name(), themes_.color(Role::Negative).name());
        QCOMPARE(QColor(image.pixel(2, 0)).name(), themes_.color(Role::Positive).name());
        QCOMPARE(QColor(image.pixel(3, 0)).name(), themes_.color(Role::Grid).name());
        const QColor zero(image.pixel(1, 0));
        QVERIFY(std::abs(zero.red() - themes_.color(Role::Zero).red()) < 6);
        QVERIFY(std::abs(zero.blue() - themes_.color(Role::Zero).blue()) < 6);
    }

    void mapsOfALayerSelectHeads() {
        LayerMaps maps(themes_);
        maps.resize(600, 400);
        maps.show();
        using Tiles = std::vector<capture::AttentionTile>;
        maps.setMaps(std::make_shared<const Tiles>(file_->thumbnails(1, 64)), 700);
        QTRY_VERIFY(maps.painted());
        QSignalSpy chosen(&maps, &LayerMaps::headChosen);
        QTest::mouseClick(&maps, Qt::LeftButton, {}, maps.toPixel({0.5, 0.4}).toPoint());
        QVERIFY(chosen.takeFirst().first().value<HeadRef>() == (HeadRef{1, 0}));
        maps.setHead(HeadRef{1, 0});
        QTest::keyClick(&maps, Qt::Key_Right);
        QVERIFY(chosen.takeFirst().first().value<HeadRef>() == (HeadRef{1, 1}));
        QCOMPARE(maps.table().rows, 4);
    }

    void routingColumnsAreTheMostFrequentAndNeverLoseTheChosen() {
        const int layers = 3;
        const RoutingChunk chunk = randomRouting(0, 1000, layers, 9, 5);
        auto changed = std::make_shared<capture::RoutingSlice>(*chunk);
        const std::size_t rare = (777 * 3 + 1) * 2; // expert 8 once: token 777, layer 1, second rank
        changed->experts[rare + 1] = 8;
        RoutingLook look;
        look.palette = ExpertPalette(themes_.theme(), 9);
        const RoutingStrip strip = routingStrip({changed}, 0, 125, 8, look);
        QCOMPARE(strip.cells.size(), QSize(125, layers));
        for (std::size_t column = 0; column < 125; ++column) {
            for (std::size_t layer = 0; layer < 3; ++layer) {
                std::map<int, std::pair<int, float>> counts;
                for (std::size_t token = column * 8; token < column * 8 + 8; ++token) {
                    auto& [times, weight] = counts[changed->experts[(token * 3 + layer) * 2]];
                    ++times;
                    weight += changed->weights[(token * 3 + layer) * 2];
                }
                const auto best = std::max_element(
                    counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
                const float mean = best->second.second / static_cast<float>(best->second.first);
                QCOMPARE(strip.cells.pixel(static_cast<int>(column), static_cast<int>(layer)),
                         look.palette.shade(best->first, mean));
            }
            float low = 2;
            float high = -1;
            for (std::size_t token = column * 8; token < column * 8 + 8; ++token) {
                low = std::min(low, routingMargin(*changed, token, {}));
                high = std::max(high, routingMargin(*changed, token, {}));
            }
            QCOMPARE(strip.margin_low[column], low);
            QCOMPARE(strip.margin_high[column], high);
        }
        look.least = 0.75F; // of single tokens: the others have the ground's colour
        const RoutingStrip strong = routingStrip({changed}, 0, 1000, 1, look);
        for (int token = 0; token < 1000; ++token) {
            const float weight = changed->weights[static_cast<std::size_t>(token) * 6];
            QCOMPARE(strong.cells.pixel(token, 0) == look.palette.ground(), weight < look.least);
        }
        look.least = 0;
        look.expert = 8;
        const RoutingStrip alone = routingStrip({changed}, 0, 8, 128, look);
        const QRgb color = look.palette.shade(8, changed->weights[rare + 1]);
        for (int column = 0; column < 8; ++column) {
            for (int layer = 0; layer < layers; ++layer) {
                QCOMPARE(alone.cells.pixel(column, layer) == color, column == 777 / 128 && layer == 1);
            }
        }
    }

    void timelineShowsEveryTokenOfTheCapture() {
        RoutingStore store;
        store.setSource(source_.get());
        RoutingTimeline timeline(themes_, store, texts_);
        timeline.resize(400, 160);
        timeline.show();
        timeline.setText(700, file_->info().config.layers, file_->info().config.num_experts);
        QCOMPARE(timeline.tokensPerColumn(), std::size_t{1});
        QTRY_VERIFY(timeline.complete());
        timeline.fit();
        QCOMPARE(timeline.tokensPerColumn(), std::size_t{4}); // 348 pixels for 700 tokens is just over two
        QTRY_VERIFY(timeline.complete());
        const TableTwin twin = timeline.table();
        QCOMPARE(twin.rows, 700 * 3);
        const capture::RoutingSlice slice = file_->routing(0, 700);
        for (const int row : {0, 100, 2099}) {
            QCOMPARE(twin.cell(row, 3).toInt(), static_cast<int>(slice.experts[static_cast<std::size_t>(row) * 2]));
            QCOMPARE(twin.cell(row, 4).toFloat(), slice.weights[static_cast<std::size_t>(row) * 2]);
            QCOMPARE(twin.cell(row, 7).toFloat(), slice.margin[static_cast<std::size_t>(row)]);
        }
        QSignalSpy chosen(&timeline, &RoutingTimeline::cellChosen);
        QSignalSpy expert(&timeline, &RoutingTimeline::expertChosen);
        timeline.setTokens(699, 300);
        timeline.setLayer(1);
        QTest::keyClick(&timeline, Qt::Key_Down);
        QCOMPARE(chosen.first().at(0).value<std::size_t>(), std::size_t{300});
        QCOMPARE(chosen.first().at(1).toInt(), 2);
        QTest::keyClick(&timeline, Qt::Key_Space);
        QCOMPARE(*expert.first().first().value<std::optional<int>>(),
                 static_cast<int>(slice.experts[(300 * 3 + 1) * 2]));
    }

    void loadNamesHotAndDead() {
        capture::RoutingSummary summary;
        summary.layers = 2;
        summary.experts = 4;
        summary.top_k = 1;
        summary.load = {50, 50, 50, 50, 120, 79, 1, 0};
        summary.weight = {25, 25, 25, 25, 60, 40, 0.5, 0};
        summary.entropy_bits = {2, 1};
        const LoadFigures even = loadFigures(summary, 0);
        QCOMPARE(even.entropy_bits, 2.0);
        QVERIFY(even.hot.empty() && even.dead.empty());
        const LoadFigures skewed = loadFigures(summary, 1);
        QCOMPARE(skewed.hot, (std::vector<int>{0, 1})); // 0.60 and 0.395 of the choices; a fair share is 0.25
        QCOMPARE(skewed.dead, (std::vector<int>{3, 2}));
        QCOMPARE(loadFigures(summary, {}).share[0], 170.0 / 400);
        ExpertLoad load(themes_);
        load.resize(300, 200);
        load.show();
        load.setPalette(ExpertPalette(themes_.theme(), 4));
        load.setFigures(skewed);
        QSignalSpy chosen(&load, &ExpertLoad::expertChosen);
        QTest::mouseClick(&load, Qt::LeftButton, {}, load.toPixel({1.5, 0.05}).toPoint());
        QCOMPARE(*chosen.first().first().value<std::optional<int>>(), 1);
        QVERIFY(load.summary().contains(QStringLiteral("2 hot, 2 dead")));
    }

    void readerFindsTheTextOfAnExpert() {
        const capture::RoutingSlice slice = file_->routing(0, 700);
        std::size_t wanted = 0;
        for (std::size_t i = 1; i < slice.experts.size() / 2; i += 3) { // layer 1
            wanted += slice.experts[2 * i] == 3 || slice.experts[2 * i + 1] == 3 ? 1 : 0;
        }
        ExpertReader reader(themes_, texts_);
        reader.resize(400, 200);
        reader.show();
        reader.setSource(source_.get());
        reader.setExpert(3, 1);
        QTRY_VERIFY(!reader.reading());
        QCOMPARE(reader.hits().size(), wanted);
        for (std::size_t i = 1; i < wanted; ++i) {
            QVERIFY(reader.hits()[i - 1].weight >= reader.hits()[i].weight);
        }
        QSignalSpy chosen(&reader, &ExpertReader::tokenChosen);
        const QModelIndex third = reader.list().model()->index(2, 0);
        QTest::mouseClick(reader.list().viewport(), Qt::LeftButton, {}, reader.list().visualRect(third).center());
        QCOMPARE(chosen.first().first().value<std::size_t>(), reader.hits()[2].token);
    }

    void lensListsWhatTheCaptureHolds() {
        LensPlot plot(themes_, texts_);
        plot.resize(800, 300);
        plot.show();
        plot.setLayers(file_->info().config.layers);
        const auto view = std::make_shared<const capture::LensView>(file_->lens(699));
        plot.setLens(view);
        const TableTwin twin = plot.table();
        QCOMPARE(twin.rows, 4);
        QCOMPARE(twin.cell(2, 2).toInt(), view->layers[2].final_rank);
        QCOMPARE(twin.cell(2, 5).toDouble(), std::exp(static_cast<double>(view->layers[2].candidates[0].logprob)));
        QSignalSpy layer(&plot, &LensPlot::layerChosen);
        QTest::mouseClick(&plot, Qt::LeftButton, {}, plot.toPixel({0.5, 2.5}).toPoint());
        QCOMPARE(*layer.first().first().value<std::optional<int>>(), 1);
        plot.setPositions({std::make_shared<const capture::LensView>(file_->lens(698)), view});
        plot.setMode(LensPlot::Mode::Positions);
        QCOMPARE(plot.table().rows, 8);
        QSignalSpy position(&plot, &LensPlot::positionChosen);
        QTest::keyClick(&plot, Qt::Key_Left);
        QCOMPARE(position.first().first().value<std::size_t>(), std::size_t{698});
    }

    void costsAreTheClosedForm() {
        CostPlot plot(themes_);
        plot.resize(800, 400);
        const ModelConfig m1 = capture::minimaxM1Shape();
        std::vector<capture::CostPoint> ends{capture::costAt(m1, {}, 1024), capture::costAt(m1, {}, 1000000)};
        plot.setCurve(ends);
        const TableTwin twin = plot.table();
        const int last = twin.rows - 1;
        QCOMPARE(twin.cell(last, 0).toLongLong(), 1000000);
        for (const std::size_t context : {5000U, 65536U, 1000000U}) { // between the ends too: the costs are lines
            const capture::CostPoint wanted = capture::costAt(m1, {}, context);
            QVERIFY(std::abs(plot.at(context).hybrid_flops / wanted.hybrid_flops - 1) < 1e-12);
            QVERIFY(std::abs(plot.at(context).softmax_bytes / wanted.softmax_bytes - 1) < 1e-12);
        }
        const auto crossing = static_cast<qint64>(*capture::crossingContext(m1));
        QVERIFY(plot.summary().contains(compactCount(crossing)));
        QVERIFY(!twin.cell(last, 5).isValid()); // nothing was measured
        QVERIFY(!plot.hasMeasured());
        capture::CostPoint measured = capture::costAt(m1, {}, 3000);
        measured.seconds = 0.25;
        ends.insert(ends.begin() + 1, measured);
        plot.setCurve(ends);
        QCOMPARE(plot.table().rows, twin.rows + 1);
        QCOMPARE(plot.table().cell(2, 5).toDouble(), 0.25);
        QVERIFY(!plot.svg().isEmpty());
    }

  private:
    ThemeManager themes_;
    QTemporaryDir folder_;
    std::unique_ptr<test::CaptureSample> sample_;
    std::shared_ptr<const capture::CaptureFile> file_;
    std::unique_ptr<CaptureFileSource> source_;
    CapturedTexts texts_;
};

QTEST_MAIN(TestInspectTracks)
#include "test_inspect_tracks.moc"
