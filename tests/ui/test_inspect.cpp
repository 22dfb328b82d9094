// SPDX-License-Identifier: GPL-3.0-or-later
// The Inspect page: selection and its history, filters and scales, charts under pointer and keyboard, captures
// opened from files, and a real answer captured, looked at and ablated.
#include "tests/support/capture_sample.h"
#include "ui/base/notices.h"
#include "ui/charts/scales.h"
#include "ui/engine/local_engine.h"
#include "ui/inspect/ablation_view.h"
#include "ui/inspect/capture_bar.h"
#include "ui/inspect/capture_file_source.h"
#include "ui/inspect/decay_view.h"
#include "ui/inspect/head_table_view.h"
#include "ui/inspect/inspect_header.h"
#include "ui/inspect/overview_band.h"
#include "ui/inspect/token_strip.h"
#include "ui/inspect/token_text.h"
#include "ui/pages/inspect_page.h"
#include "ui/pages/prompt_page.h"
#include "ui/shell/action_registry.h"
#include "ui/shell/command_palette.h"
#include "ui/shell/desktop.h"
#include "ui/shell/main_window.h"

#include <QClipboard>
#include <QDropEvent>
#include <QHeaderView>
#include <QLineEdit>
#include <QMimeData>
#include <QSignalSpy>
#include <QTableView>
#include <QTemporaryDir>
#include <QTest>
#include <QWheelEvent>

#include <algorithm>
#include <cmath>

using namespace fulgurite;
using capture::HeadRef;

class TestInspect : public QObject {
    Q_OBJECT

  private:
    std::unique_ptr<QTemporaryDir> folder_;
    std::unique_ptr<Desktop> desktop_;
    test::CaptureSample sample_{{.tokens = 300}};

    InspectPage& page() { return *qobject_cast<InspectPage*>(desktop_->window().page("inspect")); }
    PromptPage& prompt() { return *qobject_cast<PromptPage*>(desktop_->window().page("prompt")); }
    DecayPlot& decayPlot() { return static_cast<DecayView*>(page().view("decay"))->plot(); }
    HeadTableView& heads() { return *static_cast<HeadTableView*>(page().view("heads")); }
    TokenStrip& strip() { return *static_cast<TokenStrip*>(page().view("strip")); }
    bool run(const char* action) { return desktop_->context().actions.run(QLatin1String(action)); }
    QString sampleFile() {
        const QString file = folder_->filePath("sample.fcap");
        if (!QFile::exists(file)) {
            sample_.write(file.toStdString());
        }
        return file;
    }
    void openWindow(bool with_engine = false) {
        desktop_ = std::make_unique<Desktop>(
            DesktopOptions{.workspace = folder_->path(), .open = {}, .with_engine = with_engine});
        desktop_->window().resize(1440, 900);
        desktop_->show();
        desktop_->window().showPage("inspect");
    }
    void openSample() {
        openWindow();
        QSignalSpy changed(&page(), &InspectPage::sourceChanged);
        page().openCapture(sampleFile());
        QTRY_VERIFY(page().source() != nullptr);
        QTRY_VERIFY(heads().model().table() != nullptr);
    }
    QString notice() {
        for (const Notice& each : desktop_->context().notices.all()) {
            if (each.id == "inspect") {
                return each.text;
            }
        }
        return {};
    }

  private slots:
    void init() { folder_ = std::make_unique<QTemporaryDir>(); }
    void cleanup() {
        desktop_.reset();
        folder_.reset();
    }

    void theSelectionCanBeWalkedBackAndForward() {
        Selection selection;
        selection.setQuery(10);
        selection.setSource(3);
        selection.setHead(HeadRef{1, 2});
        selection.back();
        QVERIFY(!selection.state().head);
        QCOMPARE(*selection.state().source, std::size_t{3});
        selection.forward();
        QVERIFY(selection.state().head == HeadRef({1, 2}));
        QVERIFY(!selection.canGoForward());
        // A walk with an arrow key is one step back.
        for (std::size_t token = 9; token > 4; --token) {
            selection.setQuery(token, true);
        }
        selection.back();
        QCOMPARE(*selection.state().query, std::size_t{10});
        // What is selected after going back forgets what was ahead.
        selection.setHead(HeadRef{0, 0});
        QVERIFY(!selection.canGoForward());
        // A source after the query would look ahead.
        selection.setSource(8);
        selection.setQuery(5);
        QVERIFY(!selection.state().source);
    }

    void tickedHeadsHaveAnUndoOfTheirOwn() {
        Selection selection;
        selection.setTicked({{2, 1}, {0, 3}, {2, 1}});
        QCOMPARE(selection.ticked().size(), std::size_t{2});
        QVERIFY(selection.isTicked({0, 3}));
        selection.toggleTicked({0, 3});
        QVERIFY(!selection.isTicked({0, 3}));
        selection.undoTicks();
        QVERIFY(selection.isTicked({0, 3}));
        selection.undoTicks();
        QVERIFY(selection.ticked().empty() && !selection.canUndoTicks());
        selection.redoTicks();
        QCOMPARE(selection.ticked().size(), std::size_t{2});
    }

    void filtersMeanWhatTheySay() {
        capture::HeadFigures lightning{
            .head = {3, 5}, .kind = LayerKind::Lightning, .half_life = 120, .gate_mean = 0.4f};
        lightning.logit_effect = -0.5f;
        lightning.planted_fact = std::nanf("");
        const auto passes = [&](const char* text, bool ticked = false) {
            const HeadFilter filter = HeadFilter::parse(QLatin1String(text));
            return filter.error().isEmpty() && filter.passes(lightning, [ticked](HeadRef) { return ticked; });
        };
        QVERIFY(passes(""));
        QVERIFY(passes("kind:L half>100 layer:3-5"));
        QVERIFY(!passes("kind:S"));
        QVERIFY(passes("layer:0,3 head:5"));
        QVERIFY(!passes("layer:0-2,4"));
        QVERIFY(!passes("effect > 0.15"));
        QVERIFY(passes("abs(effect) > 0.15"));
        QVERIFY(passes("effect=-0.5 gate<=0.41"));
        QVERIFY(passes("!kind:S !ticked"));
        QVERIFY(passes("ticked", true));
        // What was not captured passes no comparison, in either direction.
        QVERIFY(!passes("recall>0") && !passes("recall<=0"));
        for (const char* wrong : {"hlaf>100", "kind:X", "layer:abc", "half>", "nonsense"}) {
            QVERIFY2(!HeadFilter::parse(QLatin1String(wrong)).error().isEmpty(), wrong);
        }
        QVERIFY(HeadFilter::parse("hlaf>100").error().contains("half"));
    }

    void signedScalesAreSymmetricAndQuietAtZero() {
        const Theme theme =
            Theme::load(qEnvironmentVariable("FULGURITE_SOURCE_DIR") + "/resources/themes/dark.json");
        const ColorScale scale = ColorScale::diverging(theme, 2);
        QCOMPARE(scale.at(2), theme.color(Role::Positive).rgb());
        QCOMPARE(scale.at(-2), theme.color(Role::Negative).rgb());
        QCOMPARE(scale.at(7), scale.at(2));
        // Within a 256th of the ends, zero has the colour of zero.
        QVERIFY(std::abs(qRed(scale.at(0)) - theme.color(Role::Zero).red()) <= 2);
        QCOMPARE(qAlpha(scale.at(std::nan(""))), 0);
        const ColorScale ramp = ColorScale::ramp(theme, Role::Lightning, 1, 1000);
        QVERIFY(std::abs(ramp.share(std::sqrt(1000.0)) - 0.5) < 1e-9);
        QCOMPARE(ramp.at(0.01), ramp.at(1));
        const std::vector<double> ticks = niceTicks(0, 100, 5);
        QCOMPARE(ticks, (std::vector<double>{0, 20, 40, 60, 80, 100}));
        QCOMPARE(logTicks(1, 14000), (std::vector<double>{1, 10, 100, 1000, 10000}));
    }

    void theDecayHorizonNeedsAConfigAlone() {
        openWindow();
        QVERIFY(decayPlot().isHidden() || !page().view("decay")->messageText().isEmpty());
        page().openConfig(qEnvironmentVariable("FULGURITE_SOURCE_DIR") + "/resources/models/ember/config.json");
        QVERIFY(page().view("decay")->messageText().isEmpty());
        // 8 layers, the last one softmax; heads by the published formula.
        QCOMPARE(decayPlot().fullRange().height(), 8.0);
        QVERIFY(std::isinf(decayPlot().reachOf({7, 0})));
        const TableTwin twin = decayPlot().table();
        QCOMPARE(twin.rows, 8 * static_cast<int>(decayPlot().fullRange().width()));
        // ln 2 over the rate, and the rate of head 0 in layer 0 is base slope times 1.00001.
        const double rate = twin.cell(0, 7).toDouble();
        QVERIFY(std::abs(twin.cell(0, 3).toDouble() - std::log(2.0) / rate) < 1e-9);
        QFile broken(folder_->filePath("config.json"));
        QVERIFY(broken.open(QIODevice::WriteOnly));
        broken.write("{\"architectures\": [");
        broken.close();
        page().openConfig(broken.fileName());
        QVERIFY2(notice().contains("config.json"), qPrintable(notice()));
        QCOMPARE(decayPlot().fullRange().height(), 8.0); // what was open stays
    }

    void chartsZoomAtThePointerPanAndFit() {
        openWindow();
        run("inspect.m1");
        DecayPlot& plot = decayPlot();
        QTRY_VERIFY(plot.isVisible() && plot.width() > 200);
        QCOMPARE(plot.fullRange(), QRectF(0, 0, 64, 80));
        const QPointF pixel = plot.toPixel({48, 20});
        QWheelEvent wheel(pixel, plot.mapToGlobal(pixel), {}, {0, 480}, Qt::NoButton, Qt::NoModifier,
                          Qt::NoScrollPhase, false);
        QApplication::sendEvent(&plot, &wheel);
        QVERIFY(plot.range().width() < 40);
        const QPointF after = plot.toData(pixel);
        QVERIFY(std::abs(after.x() - 48) < 1e-6 && std::abs(after.y() - 20) < 1e-6);
        QTest::keyClick(&plot, Qt::Key_Right, Qt::ShiftModifier);
        QVERIFY(plot.toData(pixel).x() > 48);
        QTest::keyClick(&plot, Qt::Key_F);
        QVERIFY(plot.fitted());
        // Zooming out stops at the whole.
        QTest::keyClick(&plot, Qt::Key_Minus);
        QVERIFY(plot.fitted());
    }

    void theDecayHorizonIsWalkedWithTheKeyboard() {
        openWindow();
        run("inspect.m1");
        DecayPlot& plot = decayPlot();
        plot.setFocus();
        page().selection().setHead(HeadRef{12, 37});
        QTest::keyClick(&plot, Qt::Key_Right);
        QTest::keyClick(&plot, Qt::Key_Down);
        QVERIFY(page().selection().state().head == HeadRef({13, 38}));
        QTest::keyClick(&plot, Qt::Key_PageDown);
        QVERIFY(page().selection().state().head == HeadRef({21, 38}));
        QTest::keyClick(&plot, Qt::Key_Space);
        QVERIFY(page().selection().isTicked({21, 38}));
        QVERIFY2(plot.accessibleDescription().contains("L21 H38"), qPrintable(plot.accessibleDescription()));
        run("inspect.undo_ticks");
        QVERIFY(page().selection().ticked().empty());
        // Clicks choose, with Ctrl tick; a picture and an SVG show the map.
        QTest::mouseClick(&plot, Qt::LeftButton, Qt::NoModifier, plot.toPixel({3.5, 4.5}).toPoint());
        QVERIFY(page().selection().state().head == HeadRef({4, 3}));
        QTest::mouseClick(&plot, Qt::LeftButton, Qt::ControlModifier, plot.toPixel({5.5, 4.5}).toPoint());
        QVERIFY(page().selection().isTicked({4, 5}));
        QCOMPARE(plot.picture().size(), plot.size() * 2);
        QVERIFY(plot.svg().contains("<svg") && plot.svg().contains("64 tok"));
        plot.copyData();
        QVERIFY(QApplication::clipboard()->text().startsWith("Layer\tHead\tKind"));
        QCOMPARE(QApplication::clipboard()->text().count('\n'), 1 + 64 * 80);
    }

    void aCaptureFileOpensWithoutAnEngine() {
        openSample();
        QCOMPARE(page().source()->info().tokens, std::size_t{300});
        QCOMPARE(*page().selection().state().query, std::size_t{299});
        // Every head, with the figures that were recorded.
        const capture::HeadTable& expected = sample_.heads(7);
        QCOMPARE(heads().model().total(), 12);
        for (std::size_t i = 0; i < expected.heads.size(); ++i) {
            QCOMPARE(heads().model().table()->heads[i].output_norm, expected.heads[i].output_norm);
        }
        // The ground of the tokens is the row of the selected head.
        const TokenText& text = strip().text();
        QTRY_VERIFY(text.table().cell(299, 6).isValid());
        const auto file = capture::CaptureFile::open(sampleFile().toStdString());
        const capture::AttentionRow row = file->row(*page().selection().state().head, 299);
        QCOMPARE(text.table().cell(120, 6).toDouble(), static_cast<double>(row.weight[120]));
        QCOMPARE(text.table().cell(120, 1).toString(), QString::fromStdString(sample_.tokens()[120].text));
        QVERIFY(page().view("strip")->messageText().isEmpty());
    }

    void theSelectionIsOneForAllPanels() {
        openSample();
        heads().table().setFocus();
        heads().table().selectRow(5);
        const HeadRef head = heads().model().figures(5).head;
        QVERIFY(page().selection().state().head == head);
        auto* header = static_cast<InspectHeader*>(page().headerWidget());
        QVERIFY2(header->chips().join(' ').contains(QString("L%1 H%2").arg(head.layer).arg(head.head)),
                 qPrintable(header->chips().join(' ')));
        // A token that is clicked is the source, with Ctrl the query.
        TokenText& text = strip().text();
        // Texts come in blocks; what is clicked is what was painted with them.
        QTRY_COMPARE(text.table().cell(295, 1).toString(), QString::fromStdString(sample_.tokens()[295].text));
        text.grab();
        const QRectF place = text.tokenRect(295);
        QVERIFY2(
            QRectF(text.rect()).contains(place),
            qPrintable(QString("token 295 at %1 %2, %3 high").arg(place.x()).arg(place.y()).arg(text.height())));
        QTest::mouseClick(&text, Qt::LeftButton, Qt::NoModifier, text.tokenRect(295).center().toPoint());
        QCOMPARE(*page().selection().state().source, std::size_t{295});
        QTRY_VERIFY2(header->chips().join(' ').contains("source"), qPrintable(header->chips().join(' ')));
        QTest::keyClick(&text, Qt::Key_Left);
        QCOMPARE(*page().selection().state().source, std::size_t{294});
        QTest::mouseClick(&text, Qt::LeftButton, Qt::ControlModifier, text.tokenRect(296).center().toPoint());
        QCOMPARE(*page().selection().state().query, std::size_t{296});
        QTRY_COMPARE(heads().model().table()->position, std::size_t{296});
        run("inspect.back");
        QCOMPARE(*page().selection().state().query, std::size_t{299});
    }

    void thePaletteGoesToHeadsAndTokens() {
        openSample();
        MainWindow& window = desktop_->window();
        CommandPalette& palette = window.palette();
        const int heads_of_a_layer = page().source()->info().config.num_heads;
        window.showPage("prompt");
        palette.open("#L1");
        QCOMPARE(palette.model().rowCount(), heads_of_a_layer);
        palette.open("#L99");
        QCOMPARE(palette.model().rowCount(), 0);
        palette.open("#1 2");
        QCOMPARE(palette.model().rowCount(), 1);
        QVERIFY(palette.runCurrent());
        QVERIFY(window.currentPage() == &page());
        QVERIFY(page().selection().state().head == HeadRef({1, 2}));
        palette.open(":300");
        QCOMPARE(palette.model().rowCount(), 0);
        palette.open(":17");
        QCOMPARE(palette.model().rowCount(), 1);
        QVERIFY(palette.runCurrent());
        QCOMPARE(*page().selection().state().query, std::size_t{17});
    }

    void theHeadTableFiltersSortsAndTicks() {
        openSample();
        HeadTableView& view = heads();
        view.setFilter("kind:S");
        QCOMPARE(view.model().rowCount(), 4);
        view.table().setFocus();
        QTest::keyClick(&view.table(), Qt::Key_A, Qt::ControlModifier);
        QCOMPARE(page().selection().ticked().size(), std::size_t{4});
        view.setFilter("nonsense");
        QCOMPARE(view.model().rowCount(), 4); // the last one that was understood
        view.setFilter({});
        QCOMPARE(view.model().rowCount(), 12);
        const int norm = HeadTableModel::columnOf("norm");
        view.table().sortByColumn(norm, Qt::DescendingOrder);
        for (int row = 1; row < 12; ++row) {
            QVERIFY(view.model().figures(row - 1).output_norm >= view.model().figures(row).output_norm);
        }
        const TableTwin twin = view.model().twin({});
        QCOMPARE(twin.rows, 12);
        QVERIFY(twinAsCsv(twin).startsWith("layer,head,kind,half,norm"));
        view.table().selectRow(0);
        QTest::keyClick(&view.table(), Qt::Key_Space);
        QTest::keyClick(&view.table(), Qt::Key_C, Qt::ControlModifier);
        QVERIFY(QApplication::clipboard()->text().startsWith("layer\thead"));
        for (int column = 0; column < HeadTableModel::columns(); ++column) {
            QVERIFY(!view.model().headerData(column, Qt::Horizontal, Qt::ToolTipRole).toString().isEmpty());
        }
    }

    // Softmax heads have no gate, and what was not captured is last in either order.
    void whatIsMissingSortsLast() {
        Selection selection;
        HeadTableModel model(selection);
        auto table = std::make_shared<capture::HeadTable>();
        for (const float gate : {0.2f, std::nanf(""), 0.9f}) {
            capture::HeadFigures figures;
            figures.head.head = static_cast<int>(table->heads.size());
            figures.gate_mean = gate;
            table->heads.push_back(figures);
        }
        model.setTable(table);
        const int gate = HeadTableModel::columnOf("gate");
        for (const auto& [order, first] : {std::pair(Qt::AscendingOrder, 0), std::pair(Qt::DescendingOrder, 2)}) {
            model.sort(gate, order);
            QCOMPARE(model.figures(0).head.head, first);
            QCOMPARE(model.figures(2).head.head, 1);
            QCOMPARE(model.index(2, gate).data().toString(), QString("–"));
        }
    }

    void badCapturesAreSaidAndTheOpenOneStays() {
        openSample();
        const InspectionSource* before = page().source();
        QFile whole(sampleFile());
        QVERIFY(whole.open(QIODevice::ReadOnly));
        QFile cut(folder_->filePath("cut.fcap"));
        QVERIFY(cut.open(QIODevice::WriteOnly));
        cut.write(whole.read(whole.size() / 2));
        cut.close();
        page().openCapture(cut.fileName());
        QTRY_VERIFY2(notice().contains("cut.fcap"), qPrintable(notice()));
        page().openCapture(folder_->filePath("missing.fcap"));
        QTRY_VERIFY2(notice().contains("missing.fcap"), qPrintable(notice()));
        QCOMPARE(page().source(), before);
    }

    void capturesAreDroppedOnThePageAndSavedElsewhere() {
        openWindow();
        QMimeData mime;
        mime.setUrls({QUrl::fromLocalFile(sampleFile())});
        QDropEvent drop({200, 200}, Qt::CopyAction, &mime, Qt::LeftButton, Qt::NoModifier);
        static_cast<QObject&>(page()).event(&drop); // as the drag manager delivers it
        QTRY_VERIFY(page().source() != nullptr);
        const QString copy = folder_->filePath("copy.fcap");
        bool saved = false;
        page().source()->saveAs(copy, [&saved](const client::Outcome<QString>& outcome) { saved = outcome.ok(); });
        QTRY_VERIFY(saved);
        QCOMPARE(QFileInfo(copy).size(), QFileInfo(sampleFile()).size());
        // It is open again after a restart, with the panels as they were left.
        heads().setFilter("kind:L");
        desktop_->window().close();
        desktop_.reset();
        openWindow();
        QTRY_VERIFY(page().source() != nullptr);
        QCOMPARE(heads().filterField().text(), QString("kind:L"));
    }

    void withoutACaptureEveryPanelSaysWhatToDo() {
        openWindow();
        for (const char* id : {"strip", "heads"}) {
            QVERIFY2(page().view(id)->messageText().contains("nothing is captured"), id);
        }
        QVERIFY(!desktop_->context().actions.reason("inspect.ablate").isEmpty());
        run("inspect.save"); // disabled: nothing happens
        QVERIFY(page().source() == nullptr);
    }

    // The whole way: an answer of the included model, captured at one of its tokens, its heads ablated beside it.
    void anAnswerIsCapturedAndAblated() {
        if (LocalEngine::findProgram().isEmpty() || LocalEngine::includedModel().isEmpty()) {
            QFAIL("there is no fulgurite-engine, or no included model, beside this test");
        }
        openWindow(true);
        ConversationController& controller = prompt().controller();
        QTRY_VERIFY_WITH_TIMEOUT(controller.engineReady(), 60000);
        SamplerSettings greedy;
        greedy.temperature = 0;
        greedy.max_tokens = 60;
        controller.setSampler(greedy);
        desktop_->window().showPage("prompt");
        controller.send("What is 17+58?");
        QTRY_VERIFY_WITH_TIMEOUT(!controller.running() && !controller.line().turns.isEmpty(), 60000);
        controller.store().wait();
        const Turn answer = controller.line().turns.last();
        QVERIFY(answer.tokens.size() > 5);
        QVERIFY(run("prompt.inspect"));
        auto* bar = page().findChild<CaptureBar*>();
        QTRY_VERIFY2_WITH_TIMEOUT(page().source() != nullptr, qPrintable(bar->text()), 60000);
        QCOMPARE(desktop_->window().currentPage()->id(), QString("inspect"));
        const capture::CaptureInfo& info = page().source()->info();
        QVERIFY(info.tokens > static_cast<std::size_t>(answer.tokens.size()));
        QVERIFY(info.heads && info.routing && info.lens);
        // It opens at the row that foretold the answer's last token.
        QCOMPARE(*page().selection().state().query, info.tokens - 2);
        QTRY_VERIFY_WITH_TIMEOUT(heads().model().table() != nullptr, 20000);
        QCOMPARE(heads().model().total(), info.config.layerCount() * info.config.num_heads);
        QTRY_VERIFY_WITH_TIMEOUT(strip().text().table().cell(0, 6).isValid(), 20000);
        // The captured tokens are those of the answer.
        const TableTwin tokens = strip().text().table();
        const int first = static_cast<int>(info.tokens) - static_cast<int>(answer.tokens.size());
        for (int i = 0; i < answer.tokens.size(); ++i) {
            QCOMPARE(tokens.cell(first + i, 2).toInt(), answer.tokens[i].id);
        }
        // Weights times values reproduce the recorded output of a head of either kind.
        for (const int layer : {0, info.config.layerCount() - 1}) {
            double error = 1;
            page().source()->row({layer, 1}, info.tokens - 2,
                                 [&error](const client::Outcome<capture::AttentionRow>& row) {
                                     error = row.ok() ? row.value().error : 2;
                                 });
            QTRY_VERIFY2_WITH_TIMEOUT(error < 1e-3, qPrintable(QString::number(error)), 20000);
        }
        heads().setFilter("layer:0-7");
        QTest::keyClick(&heads().table(), Qt::Key_A, Qt::ControlModifier);
        // In the Ablate view: each token with and without the heads, and what comes instead.
        auto& ablation = *static_cast<AblationView*>(page().view("ablation"));
        QVERIFY(run("inspect.ablation"));
        QSignalSpy finished(&ablation, &AblationView::finished);
        ablation.start();
        QVERIFY(finished.wait(60000));
        const AblationResult& result = *ablation.model().result();
        QCOMPARE(result.judged.size(), static_cast<std::size_t>(answer.tokens.size()));
        for (int i = 0; i < answer.tokens.size(); ++i) {
            // As the answer was sampled: one token at a time there, in chunks here.
            QVERIFY(std::abs(result.logprob(i) - answer.tokens[i].logprob) < 1e-4f);
        }
        QVERIFY(*std::max_element(result.judged.kl.begin(), result.judged.kl.end()) > 0.01f);
        QVERIFY(!result.changed.empty());
        QVERIFY(run("inspect.ablate"));
        QCOMPARE(desktop_->window().currentPage()->id(), QString("prompt"));
        QTRY_VERIFY_WITH_TIMEOUT(controller.line().turns.last().id != answer.id && !controller.running(), 60000);
        controller.store().wait();
        const Turn ablated = controller.line().turns.last();
        QCOMPARE(ablated.sibling_count, 2);
        QVERIFY(ablated.text != answer.text);
    }
};

QTEST_MAIN(TestInspect)
#include "test_inspect.moc"
