// SPDX-License-Identifier: GPL-3.0-or-later
// The views of attention, maps, routing and lens with a capture: one selection for all, and words for what is
// lacking.
#include "tests/support/capture_sample.h"
#include "tests/ui/inspect_services.h"
#include "ui/base/theme_manager.h"
#include "ui/inspect/attention_tracks.h"
#include "ui/inspect/attention_view.h"
#include "ui/inspect/capture_file_source.h"
#include "ui/inspect/cost_plot.h"
#include "ui/inspect/cost_view.h"
#include "ui/inspect/expert_reader.h"
#include "ui/inspect/inspect_header.h"
#include "ui/inspect/layer_maps.h"
#include "ui/inspect/lens_panel.h"
#include "ui/inspect/routing_timeline.h"
#include "ui/inspect/routing_view.h"
#include "ui/pages/inspect_page.h"
#include "ui/shell/desktop.h"
#include "ui/shell/main_window.h"

#include <QLabel>
#include <QPushButton>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>

using namespace fulgurite;

using capture::HeadRef;

class TestInspectViews : public QObject {
    Q_OBJECT

  private slots:
    void initTestCase() {
        themes_.setMode(ThemeMode::Light);
        themes_.apply();
        test::CaptureSampleOptions options;
        options.tokens = 700;
        const QString path = folder_.filePath(QStringLiteral("sample.fcap"));
        source_ = std::make_unique<CaptureFileSource>(test::CaptureSample(options).write(path.toStdString()), path);
    }
    void cleanupTestCase() { source_.reset(); }

    void viewsShareOneSelection() {
        Services services(themes_);
        AttentionView attention(services.all);
        RoutingView routing(services.all);
        LensPanel lens(services.all);
        for (InspectView* view : std::initializer_list<InspectView*>{&attention, &routing, &lens}) {
            view->resize(700, 420);
            view->show();
            QVERIFY2(!view->messageText().isEmpty(), "nothing is open: the view says so");
            view->setSource(source_.get());
        }
        QVERIFY2(!attention.messageText().isEmpty(), "no head is chosen: the view says so");
        InspectState state;
        state.query = 698;
        state.head = HeadRef{2, 1};
        services.selection.set(state);
        QVERIFY(attention.messageText().isEmpty());
        QTRY_VERIFY(attention.tracks().row());
        QCOMPARE(attention.tracks().row()->row.position, std::size_t{698});
        QVERIFY(attention.tracks().row()->row.head == (HeadRef{2, 1}));
        QVERIFY(attention.provenance().text().startsWith(u'✓'));
        QTRY_VERIFY(lens.plot().lens());
        QCOMPARE(lens.plot().lens()->position, std::size_t{698});

        RoutingTimeline& timeline = routing.timeline();
        timeline.reveal(690);
        QTest::mouseClick(&timeline, Qt::LeftButton, {}, timeline.toPixel({690.5, 1.5}).toPoint());
        QCOMPARE(services.selection.state().source, std::optional<std::size_t>(690));
        QCOMPARE(services.selection.state().layer, std::optional<int>(1));
        QTRY_VERIFY(attention.tracks().accessibleDescription().contains(QStringLiteral("token 690")));
        QTest::keyClick(&attention.tracks(), Qt::Key_Return); // the source becomes the query
        QCOMPARE(services.selection.state().query, std::optional<std::size_t>(690));
        QTRY_COMPARE(attention.tracks().row()->row.position, std::size_t{690});
        services.selection.back();
        QTRY_COMPARE(attention.tracks().row()->row.position, std::size_t{698});

        QVERIFY(!routing.reader().isVisible());
        services.selection.setExpert(2);
        QVERIFY(routing.reader().isVisible());
        QTRY_VERIFY(!routing.reader().reading() && !routing.reader().hits().empty());
        QTest::keyClick(&timeline, Qt::Key_Escape);
        QVERIFY(!services.selection.state().expert);
        QVERIFY(!routing.reader().isVisible());
    }

    // Few layers and a tall window: the candidates at one token over the best of several, and no switch between
    // them.
    void theLensShowsBothWhereThereIsRoom() {
        Services services(themes_);
        LensPanel lens(services.all);
        lens.resize(900, 600);
        lens.show();
        lens.setSource(source_.get());
        const std::vector<std::size_t>& held = source_->info().positions;
        services.selection.setQuery(held.back());
        QTRY_VERIFY(lens.plot().lens());
        QTRY_COMPARE(lens.positions().positions().size(), held.size());
        const auto switches = [&] {
            const QList<QPushButton*> all = lens.findChildren<QPushButton*>();
            return std::count_if(all.begin(), all.end(), [](const QPushButton* button) {
                return button->isVisible() && button->text() == QStringLiteral("Positions");
            });
        };
        for (const QLabel* label : lens.findChildren<QLabel*>()) { // the token in the note may be "<br>"
            QVERIFY(!label->text().startsWith(QStringLiteral("at token")) || label->textFormat() == Qt::PlainText);
        }
        QVERIFY(lens.plot().isVisible() && lens.positions().isVisible());
        QCOMPARE(switches(), 0);
        QVERIFY(lens.plot().height() <= lens.plot().fullHeight());
        QVERIFY(lens.positions().geometry().top() > lens.plot().geometry().bottom());
        const int layers = static_cast<int>(source_->info().config.layers.size());
        QCOMPARE(lens.plot().table().rows, layers + 1);
        QCOMPARE(lens.positions().table().rows, (layers + 1) * static_cast<int>(held.size()));

        // The third token's column of the lower plot, after layer 1: both plots follow.
        const QPoint cell = lens.positions().toPixel({2.5, 2.5}).toPoint();
        QTest::mouseClick(&lens.positions(), Qt::LeftButton, {}, cell);
        QCOMPARE(services.selection.state().query, std::optional(held[2]));
        QCOMPARE(services.selection.state().layer, std::optional<int>(1));
        QTRY_COMPARE(lens.plot().lens()->position, held[2]);
        QTRY_COMPARE(lens.positions().positions().size(), std::size_t{3});
        QTest::keyClick(&lens.positions(), Qt::Key_Left);
        QCOMPARE(services.selection.state().query, std::optional(held[1]));
        QTRY_COMPARE(lens.plot().lens()->position, held[1]);

        lens.resize(900, 200);
        QCOMPARE(switches(), 1);
        QVERIFY(lens.plot().isVisible() && !lens.positions().isVisible());
        lens.setMode(LensPlot::Mode::Positions);
        QCOMPARE(lens.plot().table().rows, (layers + 1) * 2);
        lens.resize(900, 600); // with both there, the upper one shows candidates again
        QVERIFY(lens.positions().isVisible());
        QCOMPARE(lens.plot().table().rows, layers + 1);
        lens.setSource(nullptr);
        QVERIFY(!lens.plot().lens() && lens.positions().positions().empty());
    }

    // Where a row of chips has no room for the tokens' texts they go, rather than be cut at both ends.
    void chipsAreWholeAtAnyWidth() {
        Selection selection;
        QWidget window; // as in the window, the row gets what width there is
        InspectHeader header(themes_, selection, &window);
        header.setTabs({QStringLiteral("Heads and experts"), QStringLiteral("Maps"), QStringLiteral("Lens"),
                        QStringLiteral("Ablate"), QStringLiteral("Cost")});
        header.setCapture(QStringLiteral("a capture with a long name.fcap"), {});
        InspectState state;
        state.query = 3860;
        state.source = 383;
        state.head = HeadRef{7, 3};
        selection.set(state);
        header.setTokenTexts(QStringLiteral("internationalisation"), QStringLiteral("characteristically"));
        window.resize(1500, 40);
        window.show();
        for (const int width : {1500, 900, 800, 1500}) {
            header.resize(width, 40);
            QCoreApplication::processEvents();
            for (const QPushButton* chip : header.findChildren<QPushButton*>()) {
                const bool cut = chip->isVisible() && chip->width() < chip->sizeHint().width();
                QVERIFY2(!cut, qPrintable(QStringLiteral("%1 at %2").arg(chip->text()).arg(width)));
            }
            const QString chips = header.chips().join(u' ');
            QVERIFY2(chips.contains(QStringLiteral("3,860")), qPrintable(chips));
            QCOMPARE(chips.contains(QStringLiteral("internationa")), width == 1500);
        }
    }

    void viewsSayWhatACaptureLacks() {
        test::CaptureSampleOptions options;
        options.attention_layers = {1};
        options.routing = false;
        options.lens = false;
        const test::CaptureSample sample(options);
        const QString path = folder_.filePath(QStringLiteral("bare.fcap"));
        CaptureFileSource source(sample.write(path.toStdString()), path);
        Services services(themes_);
        AttentionView attention(services.all);
        RoutingView routing(services.all);
        LensPanel lens(services.all);
        LayerMapsView maps(services.all);
        for (InspectView* view : std::initializer_list<InspectView*>{&attention, &routing, &lens, &maps}) {
            view->show();
            view->setSource(&source);
        }
        services.selection.setHead(HeadRef{0, 0});
        QVERIFY(attention.messageText().contains(QStringLiteral("layer 0")));
        QVERIFY(maps.messageText().contains(QStringLiteral("layer 0")));
        QVERIFY(routing.messageText().contains(QStringLiteral("not captured")));
        QVERIFY(lens.messageText().contains(QStringLiteral("not captured")));
        services.selection.setHead(HeadRef{1, 0});
        QVERIFY(attention.messageText().isEmpty());
        QTRY_VERIFY(maps.maps().painted());
        for (InspectView* view : std::initializer_list<InspectView*>{&attention, &routing, &lens, &maps}) {
            view->setSource(nullptr);
        }
    }

    void costsOfTheCapturedModel() {
        Services services(themes_);
        CostView cost(services.all);
        cost.resize(1100, 500);
        cost.show();
        const double m1 = cost.plot().at(100000).hybrid_flops;
        QVERIFY(std::abs(m1 / 127.5e9 - 1) < 0.001); // as published figures round it
        cost.setSource(source_.get());
        QVERIFY(cost.plot().at(100000).hybrid_flops < m1 / 1000); // the sample is tiny
        cost.setSource(nullptr);
        QCOMPARE(cost.plot().at(100000).hybrid_flops, m1);
    }

    void theEngineMeasuresTheStepsOfItsModel() {
        const QTemporaryDir home;
        Desktop desktop({.workspace = home.path(), .open = {}, .with_engine = true});
        desktop.show();
        desktop.window().showPage(QStringLiteral("inspect"));
        auto& page = *qobject_cast<InspectPage*>(desktop.window().page(QStringLiteral("inspect")));
        auto& cost = *static_cast<CostView*>(page.view(QStringLiteral("cost")));
        const auto button = [&](const QString& text) {
            for (QPushButton* each : cost.findChildren<QPushButton*>()) {
                if (each->text() == text) {
                    return each;
                }
            }
            return static_cast<QPushButton*>(nullptr);
        };
        QTRY_VERIFY_WITH_TIMEOUT(button(QStringLiteral("Loaded model"))->isEnabled(), 60000);
        button(QStringLiteral("Loaded model"))->click();
        QVERIFY(!button(QStringLiteral("Time, measured"))->isEnabled());
        button(QStringLiteral("Measure"))->click();
        QTRY_VERIFY_WITH_TIMEOUT(cost.plot().hasMeasured(), 60000);
        QVERIFY(button(QStringLiteral("Time, measured"))->isEnabled());
        QVERIFY(cost.plot().at(65536).softmax_flops > cost.plot().at(65536).hybrid_flops);
        const TableTwin twin = cost.plot().table();
        QVERIFY(twin.cell(0, 5).toDouble() > 0);
    }

  private:
    ThemeManager themes_;
    QTemporaryDir folder_;
    std::unique_ptr<CaptureFileSource> source_;
};

QTEST_MAIN(TestInspectViews)
#include "test_inspect_views.moc"
