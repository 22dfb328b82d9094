// SPDX-License-Identifier: GPL-3.0-or-later
// Far maps of long texts: a spike in a query row that the first, sampled picture skips is there in the end.
#include "tests/support/capture_sample.h"
#include "tests/ui/inspect_services.h"
#include "ui/inspect/capture_file_source.h"
#include "ui/inspect/captured_texts.h"
#include "ui/inspect/layer_maps.h"
#include "ui/inspect/token_map.h"

#include <QTemporaryDir>
#include <QTest>

#include <bit>
#include <cmath>

using namespace fulgurite;
using capture::AttentionTile;
using capture::HeadRef;

namespace {

constexpr std::size_t kTokens = 20000;
constexpr std::size_t kDim = 4;
constexpr std::size_t kQuery = 15002;
constexpr std::size_t kSource = 14950;

// One lightning and one softmax head whose queries and keys are zero but for one query and one key.
std::shared_ptr<const capture::CaptureFile> writeSpike(const std::filesystem::path& path) {
    test::CaptureSampleOptions options;
    options.tokens = kTokens;
    options.layers = {LayerKind::Lightning, LayerKind::Softmax};
    options.attention_layers = {}; // no random arrays
    options.positions = {0};
    options.heads = options.kv_heads = 1;
    options.head_dim = kDim;
    options.every_output = options.logprobs = options.routing = options.head_figures = options.lens = false;
    const test::CaptureSample sample(options);
    capture::CaptureInfo info = sample.info();
    info.attention_layers = {0, 1};
    capture::CaptureWriter writer(path, info, sample.contents(), sample.tokens(), sample.vocabulary());
    std::vector<float> rows(kTokens * 3 * kDim);
    rows[kQuery * 3 * kDim + 1] = 20;
    rows[kSource * 3 * kDim + kDim + 1] = -15;
    writer.projections(0, 0, rows, kTokens);
    rows[kSource * 3 * kDim + kDim + 1] = 15; // a score of 150: all of the probability
    writer.projections(1, 0, rows, kTokens);
    const std::vector<float> outputs(kTokens * kDim);
    writer.headOutputs(0, 0, outputs, kTokens);
    writer.headOutputs(1, 0, outputs, kTokens);
    writer.finish();
    return capture::CaptureFile::open(path);
}

float cellOverSpike(const AttentionTile& tile) {
    return tile.cells[(kQuery - tile.first_row) / tile.pool * tile.cols + (kSource - tile.first_col) / tile.pool];
}

} // namespace

class TestExactMaps : public QObject {
    Q_OBJECT

  private slots:
    void initTestCase() {
        const QString path = folder_.filePath(QStringLiteral("spike.fcap"));
        file_ = writeSpike(path.toStdString());
        path_ = path;
    }

    void init() { source_ = std::make_unique<CaptureFileSource>(file_, path_); }
    void cleanup() { source_.reset(); }

    void blocksTogetherAreTheWholeMap() {
        for (const int layer : {0, 1}) {
            ExactMaps& exact = ExactMaps::of(*source_);
            QCOMPARE(&exact, &ExactMaps::of(*source_));
            const MapArea area{{layer, 0}, 64, 0, kTokens, 0, kTokens};
            exact.want(this, {area});
            QVERIFY(!exact.progress({area}).complete());
            QTRY_VERIFY_WITH_TIMEOUT(exact.progress({area}).complete(), 60000);
            const LayerKind kind = layer == 0 ? LayerKind::Lightning : LayerKind::Softmax;
            AttentionTile merged = emptyTile(area, kind);
            mergeInto(merged, exact.blocks(area));
            const AttentionTile whole = file_->tile({layer, 0}, {.rows = kTokens, .cols = kTokens, .pool = 64});
            QCOMPARE(merged.cells.size(), whole.cells.size());
            for (std::size_t i = 0; i < whole.cells.size(); ++i) {
                QVERIFY(std::isnan(whole.cells[i]) == std::isnan(merged.cells[i]));
                QVERIFY(std::isnan(whole.cells[i]) || whole.cells[i] == merged.cells[i]);
            }
            QCOMPARE(merged.max_abs, whole.max_abs);
            // Farther views need nothing more.
            QVERIFY(exact.progress({{{layer, 0}, 512, 0, kTokens, 0, kTokens}}).complete());
        }
    }

    void theMapOfAHeadBecomesExact_data() {
        QTest::addColumn<int>("layer");
        QTest::newRow("lightning") << 0;
        QTest::newRow("softmax") << 1;
    }

    void theMapOfAHeadBecomesExact() {
        QFETCH(int, layer);
        const LayerKind kind = layer == 0 ? LayerKind::Lightning : LayerKind::Softmax;
        CapturedTexts texts;
        TokenMap map(themes_, texts);
        map.setFollowing(false);
        map.resize(500, 500);
        map.setSource(source_.get());
        map.show();
        const MapTileKey key{{layer, 0}, map.pool(), 0, 0};
        QCOMPARE(key.pool, std::size_t{64}); // 16,384 tokens a piece, every 16th row of them at first
        std::optional<float> first;
        QString label;
        connect(&map.tiles(), &MapTiles::arrived, this, [&] {
            if (const MapTiles::Tile* tile = map.tiles().find(key); tile && !first) {
                first = cellOverSpike(*tile->data);
                label = map.coverage();
            }
        });
        map.setHead({layer, 0}, kind);
        const auto exact = [&] {
            const MapTiles::Tile* tile = map.tiles().find(key);
            return tile && tile->exact ? tile : nullptr;
        };
        QTRY_VERIFY_WITH_TIMEOUT(exact(), 60000);
        const double wanted =
            layer == 0 ? -300 * std::exp(-sourceRate() * static_cast<double>(kQuery - kSource)) : 1;
        QVERIFY2(std::abs(*first) < 0.1, "the sampled rows do not show it");
        QVERIFY2(label.contains(QStringLiteral("every 16th query row")), qPrintable(label));
        QVERIFY(std::abs(static_cast<double>(cellOverSpike(*exact()->data)) - wanted) < 1e-4 * std::abs(wanted));
        QCOMPARE(exact()->data->row_step, std::size_t{1});
        // In the picture as well; beside a softmax spike all cells are as strong as the usual ones.
        const QRgb pixel = exact()->image.pixel(static_cast<int>(kSource / 64), static_cast<int>(kQuery / 64));
        QVERIFY(layer == 1 ||
                pixel != exact()->image.pixel(static_cast<int>(kSource / 64), static_cast<int>(kQuery / 64) + 2));
        QTRY_VERIFY_WITH_TIMEOUT(!map.coverage().contains(QStringLiteral("query row")), 60000);
        QTRY_VERIFY(map.largest() >= std::abs(wanted) * 0.999);
    }

    void thumbnailsBecomeExact() {
        Services services(themes_);
        LayerMapsView view(services.all);
        view.resize(600, 400);
        view.setSource(source_.get());
        view.show();
        QTRY_VERIFY_WITH_TIMEOUT(view.maps().painted(), 30000);
        const auto tile = [&] { return view.maps().maps().front(); };
        QTRY_VERIFY_WITH_TIMEOUT(tile().row_step == 1, 60000);
        const double wanted = -300 * std::exp(-sourceRate() * static_cast<double>(kQuery - kSource));
        QVERIFY(std::abs(static_cast<double>(cellOverSpike(tile())) - wanted) < 1e-4 * std::abs(wanted));
        view.setSource(nullptr);
    }

    void aPictureWithFewerPixelsThanCellsKeepsTheLargest() {
        AttentionTile tile = emptyTile({{0, 0}, 2, 0, 64, 0, 64}, LayerKind::Lightning);
        std::fill(tile.cells.begin(), tile.cells.end(), 0.5f);
        tile.cells[9 * 32 + 5] = -7;
        const AttentionTile far = pooledBy(tile, 4);
        QCOMPARE(far.rows, std::size_t{8});
        QCOMPARE(far.pool, std::size_t{8});
        QCOMPARE(far.cells[2 * 8 + 1], -7.0f);
        QCOMPARE(far.cells[0], 0.5f);
        QCOMPARE(far.max_abs, 7.0f);
    }

  private:
    double sourceRate() const { return file_->decay().rate({0, 0}); }

    ThemeManager themes_;
    QTemporaryDir folder_;
    QString path_;
    std::shared_ptr<const capture::CaptureFile> file_;
    std::unique_ptr<CaptureFileSource> source_;
};

QTEST_MAIN(TestExactMaps)
#include "test_exact_maps.moc"
