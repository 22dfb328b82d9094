// SPDX-License-Identifier: GPL-3.0-or-later
// The grid of layers x heads coloured by any figure of the table.
#include "tests/support/capture_sample.h"
#include "tests/ui/inspect_services.h"
#include "ui/inspect/capture_file_source.h"
#include "ui/inspect/decay_view.h"

#include <QComboBox>
#include <QTemporaryDir>
#include <QTest>

#include <cmath>

using namespace fulgurite;
using capture::HeadRef;

class TestHeadColouring : public QObject {
    Q_OBJECT

  private slots:
    void initTestCase() {
        themes_.setMode(ThemeMode::Light);
        themes_.apply();
        test::CaptureSampleOptions options;
        options.attention_layers = {0, 1};
        const QString path = folder_.filePath(QStringLiteral("sample.fcap"));
        file_ = test::CaptureSample(options).write(path.toStdString());
        source_ = std::make_unique<CaptureFileSource>(file_, path);
    }
    void cleanupTestCase() { source_.reset(); }

    void everyFigureOfTheTableColoursIt() {
        Services services(themes_);
        DecayView view(services.all);
        view.resize(420, 400);
        view.show();
        view.setDecay(file_->decay());
        QVERIFY(!view.findChild<QComboBox*>()->isEnabled()); // the figures come with a capture
        view.setSource(source_.get());
        QVERIFY(view.findChild<QComboBox*>()->isEnabled());
        services.selection.setQuery(35);
        const capture::HeadTable wanted = file_->heads(35);
        const QImage reach = view.plot().picture(1);
        for (const HeadColumn& column : headColumns()) {
            if (column.key == QStringLiteral("half")) {
                continue;
            }
            view.setFigure(column.key);
            QTRY_VERIFY(view.plot().grid().figure == &column);
            const HeadColouring& grid = view.plot().grid();
            std::size_t finite = 0;
            for (std::size_t i = 0; i < wanted.heads.size(); ++i) {
                const double value = wanted.heads[i].*column.value;
                QVERIFY(std::isnan(value) ? std::isnan(grid.values[i]) : grid.values[i] == value);
                finite += std::isfinite(value) ? 1 : 0;
                QVERIFY(std::isnan(value) || (grid.low <= value && value <= grid.high) ||
                        grid.scale == HeadColouring::Scale::Distance);
            }
            QCOMPARE(grid.count, finite);
            QVERIFY2(finite > 0, qPrintable(column.key));
            const TableTwin twin = view.plot().table();
            QCOMPARE(twin.title, column.title);
            QCOMPARE(twin.columns.last(), column.title);
            QCOMPARE(twin.rows, static_cast<int>(wanted.heads.size()));
            const double shown = twin.cell(5, static_cast<int>(twin.columns.size()) - 1).toDouble();
            QVERIFY(std::isnan(wanted.heads[5].*column.value) ||
                    shown == static_cast<double>(wanted.heads[5].*column.value));
            QVERIFY(view.plot().picture(1) != reach);
        }
        view.setFigure({});
        QVERIFY(view.plot().grid().figure == nullptr);
        QCOMPARE(view.plot().picture(1), reach);
        view.setSource(nullptr);
    }

    void signedFiguresHaveASymmetricScale() {
        const HeadColouring grid = figureGrid(*findHeadColumn(QStringLiteral("effect")), tableOf({-3, 1}));
        QCOMPARE(grid.low, -3.0);
        QCOMPARE(grid.high, 3.0);
        QCOMPARE(grid.colors(themes_.theme(), LayerKind::Softmax).at(0),
                 grid.colors(themes_.theme(), LayerKind::Lightning).at(0));
        const HeadColouring none =
            figureGrid(*findHeadColumn(QStringLiteral("effect")), tableOf({std::nanf(""), std::nanf("")}));
        QCOMPARE(none.count, std::size_t{0});
        QCOMPARE(none.text(none.values[0]), QStringLiteral("–"));
    }

    void theKeyboardStepsThroughTheFigures() {
        Services services(themes_);
        DecayView view(services.all);
        view.resize(420, 400);
        view.show();
        view.setDecay(file_->decay());
        QTest::keyClick(&view.plot(), Qt::Key_C);
        QVERIFY(view.plot().grid().figure == nullptr); // nothing to step to without a capture
        view.setSource(source_.get());
        QTest::keyClick(&view.plot(), Qt::Key_C);
        QTRY_COMPARE(view.plot().grid().figure, &headColumns()[1]);
        QTest::keyClick(&view.plot(), Qt::Key_C, Qt::ShiftModifier);
        QVERIFY(view.plot().grid().figure == nullptr);
        QTest::keyClick(&view.plot(), Qt::Key_C, Qt::ShiftModifier);
        QTRY_COMPARE(view.plot().grid().figure, &headColumns().back());
        // Kept between starts.
        DecayView other(services.all);
        other.setDecay(file_->decay());
        other.setSource(source_.get());
        other.restoreState(view.saveState());
        QTRY_COMPARE(other.plot().grid().figure, &headColumns().back());
        // Another token, other figures.
        services.selection.setQuery(33);
        QTRY_COMPARE(view.plot().grid().values[1], static_cast<double>(file_->heads(33).heads[1].planted_fact));
        view.setSource(nullptr);
        other.setSource(nullptr);
    }

    // M1's shape: 80 layers of 64 heads.
    void fiveThousandHeadsAreQuick() {
        capture::DecayMap map;
        map.heads = 64;
        capture::HeadTable table;
        for (int i = 0; i < 80 * 64; ++i) {
            if (i % 64 == 0) {
                map.layers.push_back(i / 64 % 8 == 7 ? LayerKind::Softmax : LayerKind::Lightning);
            }
            map.rates.push_back(map.layers.back() == LayerKind::Softmax ? 0 : 1.0 / (1 + i % 64));
            table.heads.push_back({});
            table.heads.back().entropy = static_cast<float>(i % 97);
        }
        Selection selection;
        DecayPlot plot(themes_, selection);
        plot.resize(364, 392);
        plot.setMap(map);
        plot.setFigure(findHeadColumn(QStringLiteral("entropy")),
                       std::make_shared<const capture::HeadTable>(table));
        QCOMPARE(plot.grid().count, std::size_t{5120});
        QVERIFY(!plot.picture(1).isNull());
        QCOMPARE(plot.table().rows, 5120);
        // A table of another model colours nothing.
        table.heads.pop_back();
        plot.setFigure(findHeadColumn(QStringLiteral("entropy")),
                       std::make_shared<const capture::HeadTable>(table));
        QVERIFY(plot.grid().figure == nullptr);
    }

  private:
    static capture::HeadTable tableOf(std::initializer_list<float> effects) {
        capture::HeadTable table;
        for (const float effect : effects) {
            table.heads.push_back({});
            table.heads.back().logit_effect = effect;
        }
        return table;
    }

    ThemeManager themes_;
    QTemporaryDir folder_;
    std::shared_ptr<const capture::CaptureFile> file_;
    std::unique_ptr<CaptureFileSource> source_;
};

QTEST_MAIN(TestHeadColouring)
#include "test_head_colouring.moc"
