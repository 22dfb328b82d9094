// SPDX-License-Identifier: GPL-3.0-or-later
// Composer, sampler, prefill strip and header: what keys and clicks do, what is shown, and that everything has a
// name.
#include "prompt_samples.h"
#include "ui/base/csv.h"
#include "ui/prompt/chip_editor.h"
#include "ui/prompt/composer.h"
#include "ui/prompt/context_meter.h"
#include "ui/prompt/effect_chart.h"
#include "ui/prompt/prefill_strip.h"
#include "ui/prompt/sampler_effect.h"
#include "ui/prompt/sampler_panel.h"
#include "ui/prompt/sampler_row.h"
#include "ui/prompt/system_panel.h"
#include "ui/prompt/transcript_header.h"

#include <QAbstractButton>
#include <QComboBox>
#include <QDockWidget>
#include <QLabel>
#include <QLineEdit>
#include <QMainWindow>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QScrollArea>
#include <QSignalSpy>
#include <QTest>

#include <cmath>

using namespace fulgurite;

class TestPromptControls : public QObject {
    Q_OBJECT

  private slots:
    void initTestCase();
    void enterSends();
    void sendFollowsTheEngine();
    void composerGrows();
    void meterWarns();
    void presetsAndChanges();
    void aNarrowSavedLayoutCutsNothingOff();
    void settingsRoundTrip();
    void rowsShowOff();
    void effectFollowsTheEngine_data();
    void effectFollowsTheEngine();
    void stopStringsEscape();
    void biasByIdAndText();
    void prefillWords();
    void tintSwitch();
    void systemPromptApplies();
    void csvQuotes();
    void everythingHasAName();

  private:
    ThemeManager themes_;
};

void TestPromptControls::initTestCase() {
    themes_.setMode(ThemeMode::Dark);
    themes_.apply();
}

void TestPromptControls::enterSends() {
    Composer composer(themes_);
    composer.setTarget({QStringLiteral("ember"), {}, EngineReadiness::Ready, {}});
    composer.show();
    auto* field = composer.findChild<QPlainTextEdit*>();
    QSignalSpy sent(&composer, &Composer::sendRequested);
    QSignalSpy draft(&composer, &Composer::draftChanged);
    QSignalSpy stop(&composer, &Composer::stopRequested);
    QTest::keyClick(field, Qt::Key_Return);
    QCOMPARE(sent.count(), 0); // nothing to send
    QTest::keyClicks(field, QStringLiteral("one"));
    QTest::keyClick(field, Qt::Key_Return, Qt::ShiftModifier);
    QTest::keyClicks(field, QStringLiteral("two"));
    QVERIFY(draft.count() >= 7);
    QTest::keyClick(field, Qt::Key_Return);
    QCOMPARE(sent.count(), 1);
    QCOMPARE(sent[0][0].toString(), QStringLiteral("one\ntwo"));
    QTest::keyClick(field, Qt::Key_Escape);
    QCOMPARE(stop.count(), 0);
    composer.setRunning(true);
    QTest::keyClick(field, Qt::Key_Escape);
    QCOMPARE(stop.count(), 1);
    draft.clear();
    composer.clear();
    QCOMPARE(draft.count(), 0);
}

void TestPromptControls::sendFollowsTheEngine() {
    Composer composer(themes_);
    composer.setText(QStringLiteral("text"));
    QPushButton* send = nullptr;
    QPushButton* stop = nullptr;
    for (QPushButton* button : composer.findChildren<QPushButton*>()) {
        send = button->property("kind") == QStringLiteral("accent") ? button : send;
        stop = button->text() == QStringLiteral("Stop") ? button : stop;
    }
    QVERIFY(send != nullptr && stop != nullptr);
    composer.setTarget({{}, {}, EngineReadiness::NoModel, QStringLiteral("Open a model first")});
    QVERIFY(!send->isEnabled());
    QCOMPARE(send->toolTip(), QStringLiteral("Open a model first"));
    composer.setTarget({QStringLiteral("ember"), {}, EngineReadiness::Starting, {}});
    QVERIFY(send->isEnabled());
    QCOMPARE(send->text(), QStringLiteral("Send when ready"));
    composer.setTarget({QStringLiteral("ember"), {}, EngineReadiness::Ready, {}});
    QVERIFY(send->text().startsWith(QStringLiteral("Send")));
    QVERIFY(stop->isHidden());
    composer.setRunning(true);
    QVERIFY(send->text().startsWith(QStringLiteral("Queue")));
    QVERIFY(!stop->isHidden());
    composer.setRunning(false);
    QVERIFY(stop->isHidden());
    composer.setStoppable(true); // an answer of another conversation waits for its node
    QVERIFY(send->text().startsWith(QStringLiteral("Send")));
    QVERIFY(!stop->isHidden());
    QSignalSpy stopped(&composer, &Composer::stopRequested);
    QTest::keyClick(composer.findChild<QPlainTextEdit*>(), Qt::Key_Escape);
    QCOMPARE(stopped.count(), 1);
}

void TestPromptControls::composerGrows() {
    Composer composer(themes_);
    composer.resize(700, 120);
    composer.setAvailableHeight(800);
    auto* field = composer.findChild<QPlainTextEdit*>();
    composer.setText(QStringLiteral("one line"));
    const int one = field->height();
    composer.setText(QStringLiteral("a\nb\nc\nd"));
    QVERIFY(field->height() > one + 30);
    composer.setText(QStringLiteral("line\n").repeated(100000));
    QVERIFY(field->height() <= 320);
}

void TestPromptControls::meterWarns() {
    ContextState state{1000, 100000, 100, 50, 1000, 0, 0};
    QVERIFY(!ContextMeter::tight(state));
    state.needed_bytes = 1001;
    QVERIFY(ContextMeter::tight(state));
    state.needed_bytes = 0;
    state.kv_bytes = 100000;
    QVERIFY(ContextMeter::tight(state));
    ContextMeter meter(themes_);
    meter.setState(state);
    QVERIFY(meter.accessibleDescription().contains(QStringLiteral("fixed")));
}

void TestPromptControls::presetsAndChanges() {
    SamplerPanel panel(themes_);
    QSignalSpy changed(&panel, &SamplerPanel::settingsChanged);
    QSignalSpy differs(&panel, &SamplerPanel::changedFromPresetChanged);
    QCOMPARE(panel.presetName(), QStringLiteral("M1, as published"));
    QVERIFY(!panel.changedFromPreset());
    QCOMPARE(panel.settings().temperature, 1.0);
    QCOMPARE(panel.settings().top_p, 0.95);
    QCOMPARE(panel.settings().repetition_run, 3000);
    auto* row = panel.findChildren<SamplerRow*>().front();
    auto* field = row->findChild<WordSpinBox*>();
    field->setValue(0.5);
    QCOMPARE(changed.count(), 1);
    QVERIFY(panel.changedFromPreset());
    QCOMPARE(differs.count(), 1);
    QTest::mouseDClick(row->findChild<QLabel*>(), Qt::LeftButton);
    QVERIFY(!panel.changedFromPreset());
    auto* box = panel.findChild<QComboBox*>();
    box->setCurrentIndex(1);
    emit box->activated(1);
    QCOMPARE(panel.settings().temperature, 0.0);
    QCOMPARE(panel.presetName(), QStringLiteral("Greedy"));
    QVERIFY(!panel.changedFromPreset());
    SamplerSettings own = panel.settings();
    own.top_k = 40;
    panel.setPresets({{QStringLiteral("Mine"), own, false}});
    QCOMPARE(panel.presetName(), QStringLiteral("Greedy")); // stays where it was
    panel.setSettings(own);
    QCOMPARE(panel.presetName(), QStringLiteral("Mine"));
    // What the model's makers recommend stands first, and wins over a built-in one that is alike.
    SamplerSettings recommended;
    recommended.temperature = 0.2;
    panel.setModelPreset(SamplerPreset{QStringLiteral("ember, as recommended"), recommended, true});
    QCOMPARE(panel.presetName(), QStringLiteral("Mine"));
    panel.setSettings(recommended);
    QCOMPARE(panel.presetName(), QStringLiteral("ember, as recommended"));
    QVERIFY(!panel.changedFromPreset());
    panel.setModelPreset(SamplerPreset{QStringLiteral("plain, as recommended"), {}, true});
    panel.setSettings({});
    QCOMPARE(panel.presetName(), QStringLiteral("plain, as recommended"));
}

void TestPromptControls::aNarrowSavedLayoutCutsNothingOff() {
    const auto windowWith = [](QWidget* content) {
        auto window = std::make_unique<QMainWindow>();
        window->setCentralWidget(new QWidget);
        auto* dock = new QDockWidget;
        dock->setObjectName(QStringLiteral("sampler"));
        dock->setWidget(content);
        window->addDockWidget(Qt::RightDockWidgetArea, dock);
        window->resize(1200, 800);
        window->show();
        return window;
    };
    const auto before = windowWith(new QWidget);
    before->resizeDocks({before->findChild<QDockWidget*>()}, {120}, Qt::Horizontal);
    QCoreApplication::processEvents();
    QVERIFY(before->findChild<QDockWidget*>()->width() < 150);
    auto* panel = new SamplerPanel(themes_);
    const auto after = windowWith(panel);
    QVERIFY(after->restoreState(before->saveState()));
    QCoreApplication::processEvents();
    const auto* scroll = panel->findChild<QScrollArea*>();
    QVERIFY2(scroll->viewport()->width() >= scroll->widget()->minimumSizeHint().width(),
             qPrintable(QString::number(scroll->viewport()->width())));
    QVERIFY(scroll->widget()->width() <= scroll->viewport()->width());
}

void TestPromptControls::settingsRoundTrip() {
    SamplerPanel panel(themes_);
    SamplerSettings settings;
    settings.temperature = 0.73;
    settings.top_p = 0.9;
    settings.top_k = 37;
    settings.min_p = 0.055;
    settings.repetition_penalty = 1.07;
    settings.presence_penalty = -0.25;
    settings.frequency_penalty = 0.4;
    settings.seed = 12345678901234567890ull;
    settings.max_tokens = 8192;
    settings.thinking_budget = 40000;
    settings.repetition_run = 500;
    settings.repetition_probability = 0.995;
    settings.stop_strings = {QStringLiteral("\n\nYou:")};
    settings.logit_bias = {{7, QStringLiteral(" x"), -100, {}}};
    QSignalSpy changed(&panel, &SamplerPanel::settingsChanged);
    panel.setSettings(settings);
    QCOMPARE(changed.count(), 0);
    const SamplerSettings back = panel.settings();
    QVERIFY(std::abs(back.temperature - settings.temperature) < 1e-9);
    QVERIFY(std::abs(back.min_p - settings.min_p) < 1e-9);
    QCOMPARE(back.top_k, settings.top_k);
    QVERIFY(back.seed == settings.seed);
    QCOMPARE(back.max_tokens, settings.max_tokens);
    QCOMPARE(back.thinking_budget, settings.thinking_budget);
    QCOMPARE(back.repetition_run, settings.repetition_run);
    QCOMPARE(back.stop_strings, settings.stop_strings);
    QVERIFY(back.logit_bias == settings.logit_bias);
    QCOMPARE(samplerSummary(settings),
             QStringLiteral("T 0.73 · top-k 37 · top-p 0.90 · min-p 0.06 · repetition 1.07 · "
                            "presence -0.25, frequency 0.40 · seed 12345678901234567890"));
}

void TestPromptControls::rowsShowOff() {
    WordSpinBox field;
    field.setRange(0, 10);
    field.setWord(0.0, QStringLiteral("off"));
    field.setValue(0);
    QCOMPARE(field.text(), QStringLiteral("off"));
    field.setValue(3);
    QCOMPARE(field.text(), QStringLiteral("3.00"));
    QCOMPARE(field.valueFromText(QStringLiteral("off")), 0.0);
}

void TestPromptControls::effectFollowsTheEngine_data() {
    QTest::addColumn<double>("temperature");
    QTest::addColumn<double>("top_p");
    QTest::addColumn<int>("top_k");
    QTest::addColumn<double>("min_p");
    QTest::addColumn<int>("kept");
    QTest::addColumn<double>("first");
    // Probabilities 0.5, 0.25, 0.125, 0.125.
    QTest::newRow("nothing") << 1.0 << 1.0 << 0 << 0.0 << 4 << 0.5;
    QTest::newRow("greedy") << 0.0 << 0.95 << 0 << 0.0 << 1 << 1.0;
    QTest::newRow("top-k") << 1.0 << 1.0 << 2 << 0.0 << 2 << 2.0 / 3;
    QTest::newRow("top-p keeps the one that crosses") << 1.0 << 0.7 << 0 << 0.0 << 2 << 2.0 / 3;
    QTest::newRow("min-p") << 1.0 << 1.0 << 0 << 0.3 << 2 << 2.0 / 3;
    QTest::newRow("hot") << 2.0 << 1.0 << 0 << 0.0 << 4
                         << std::sqrt(0.5) / (std::sqrt(0.5) + 0.5 + 2 * std::sqrt(0.125));
}

void TestPromptControls::effectFollowsTheEngine() {
    QFETCH(double, temperature);
    QFETCH(double, top_p);
    QFETCH(int, top_k);
    QFETCH(double, min_p);
    QFETCH(int, kept);
    QFETCH(double, first);
    TokenView token;
    token.id = 1;
    for (const double probability : {0.5, 0.25, 0.125, 0.125}) {
        const int id = static_cast<int>(token.before.size());
        token.before.push_back({id, static_cast<float>(std::log(probability)), QString::number(id)});
    }
    SamplerSettings settings;
    settings.temperature = temperature;
    settings.top_p = top_p;
    settings.top_k = top_k;
    settings.min_p = min_p;
    const SamplerEffect effect = samplerEffect(token, settings);
    QCOMPARE(effect.kept, kept);
    QVERIFY2(std::abs(effect.bars[0].after - first) < 1e-5, qPrintable(QString::number(effect.bars[0].after)));
    double sum = 0;
    for (const EffectBar& bar : effect.bars) {
        sum += bar.after;
        QCOMPARE(bar.cut, bar.after == 0);
    }
    QVERIFY(std::abs(sum - 1) < 1e-5);
    settings.logit_bias = {{3, {}, 100, {}}};
    QVERIFY(samplerEffect(token, settings).bars[3].after > 0.99);
    EffectChart chart(themes_);
    chart.setToken(token);
    chart.setSettings(settings);
    QCOMPARE(chart.asCsv().count(u'\n'), 5);
}

void TestPromptControls::stopStringsEscape() {
    QCOMPARE(StopStringEditor::unescaped(QStringLiteral("\\n\\tYou\\\\n")), QStringLiteral("\n\tYou\\n"));
    const QString odd = QStringLiteral("a\\b\n\tc");
    QCOMPARE(StopStringEditor::unescaped(StopStringEditor::escaped(odd)), odd);
    StopStringEditor editor;
    editor.show();
    QSignalSpy changed(&editor, &StopStringEditor::changed);
    auto* field = editor.findChild<QLineEdit*>();
    field->setText(QStringLiteral("\\nQ:"));
    QTest::keyClick(field, Qt::Key_Return);
    QCOMPARE(editor.strings(), QStringList{QStringLiteral("\nQ:")});
    QCOMPARE(changed.count(), 1);
    for (QPushButton* chip : editor.findChildren<QPushButton*>()) {
        if (chip->text() == QStringLiteral("\\nQ:")) {
            chip->click();
            break;
        }
    }
    QVERIFY(editor.strings().isEmpty());
}

void TestPromptControls::biasByIdAndText() {
    LogitBiasEditor editor;
    QSignalSpy lookup(&editor, &LogitBiasEditor::lookupRequested);
    auto* token = editor.findChildren<QLineEdit*>(Qt::FindDirectChildrenOnly).front();
    token->setText(QStringLiteral("42"));
    QTest::keyClick(token, Qt::Key_Return);
    QCOMPARE(editor.biases().size(), 1);
    QCOMPARE(editor.biases()[0].id, 42);
    token->setText(QStringLiteral(" certainly"));
    QTest::keyClick(token, Qt::Key_Return);
    QCOMPARE(lookup.count(), 1);
    QCOMPARE(lookup[0][0].toString(), QStringLiteral(" certainly"));
    editor.addBias({42, QStringLiteral("x"), 3, {}});
    QCOMPARE(editor.biases().size(), 1);
    QCOMPARE(editor.biases()[0].bias, 3.0);
    // The number is a word of one model alone.
    const auto chip = [&editor] {
        return editor.findChildren<QPushButton*>(Qt::FindDirectChildrenOnly).back()->text();
    };
    editor.setModel(QStringLiteral("first"));
    editor.setBiases({{7, QStringLiteral("x"), -1, QStringLiteral("first")}});
    QVERIFY2(!chip().contains(QStringLiteral("not sent")), qPrintable(chip()));
    editor.setModel(QStringLiteral("second"));
    QVERIFY2(chip().contains(QStringLiteral("not sent")), qPrintable(chip()));
    token->setText(QStringLiteral("8"));
    QTest::keyClick(token, Qt::Key_Return);
    QCOMPARE(editor.biases().last().model, QStringLiteral("second"));
}

void TestPromptControls::prefillWords() {
    PrefillStrip strip(themes_);
    QSignalSpy cancel(&strip, &PrefillStrip::cancelRequested);
    QSignalSpy proceed(&strip, &PrefillStrip::continueRequested);
    strip.setState({true, false, 100, 400, 1000, 200, QStringLiteral("the snapshot after A"), 0});
    QVERIFY(!strip.isHidden());
    QVERIFY(strip.accessibleDescription().contains(QStringLiteral("3.0 s left")));
    QVERIFY(strip.accessibleDescription().contains(QStringLiteral("100 reused from the snapshot after A")));
    strip.findChild<QPushButton*>()->click();
    QCOMPARE(cancel.count(), 1);
    strip.setState({false, true, 100, 400, 1000, 0, {}, 7});
    strip.findChild<QPushButton*>()->click();
    QCOMPARE(proceed.count(), 1);
    QCOMPARE(proceed[0][0].toLongLong(), 7);
    strip.setState({});
    QVERIFY(strip.isHidden());
}

void TestPromptControls::tintSwitch() {
    TranscriptHeader header(themes_);
    QSignalSpy changed(&header, &TranscriptHeader::tintChanged);
    for (QPushButton* button : header.findChildren<QPushButton*>()) {
        if (button->text() == QStringLiteral("Entropy")) {
            button->click();
        }
    }
    QCOMPARE(changed.count(), 1);
    QVERIFY(header.tint() == TintMode::Entropy);
}

void TestPromptControls::systemPromptApplies() {
    SystemPanel panel(themes_);
    panel.setApplied(1, QStringLiteral("Be brief."));
    QSignalSpy applied(&panel, &SystemPanel::applyRequested);
    auto* field = panel.findChild<QPlainTextEdit*>();
    QPushButton* apply = nullptr;
    for (QPushButton* button : panel.findChildren<QPushButton*>()) {
        apply = button->text() == QStringLiteral("Apply") ? button : apply;
    }
    QVERIFY(!apply->isEnabled());
    field->setPlainText(QStringLiteral("Be long."));
    QVERIFY(apply->isEnabled());
    apply->click();
    QCOMPARE(applied.count(), 1);
    QCOMPARE(applied[0][0].toString(), QStringLiteral("Be long."));
    QVERIFY(!apply->isEnabled());
    // Undone, the field has what is in force; what is typed there it keeps.
    panel.setApplied(1, QStringLiteral("Be brief."));
    QCOMPARE(field->toPlainText(), QStringLiteral("Be brief."));
    QVERIFY(!apply->isEnabled());
    field->setPlainText(QStringLiteral("Be br"));
    panel.setApplied(1, QStringLiteral("Be long."));
    QCOMPARE(field->toPlainText(), QStringLiteral("Be br"));
    QVERIFY(apply->isEnabled());
    panel.setApplied(2, QStringLiteral("Another."));
    QCOMPARE(field->toPlainText(), QStringLiteral("Another."));
    panel.setApplied(1, QStringLiteral("Be long."));
    QCOMPARE(field->toPlainText(), QStringLiteral("Be br"));
    QVERIFY(apply->isEnabled());
    panel.setApplied(2, QStringLiteral("Another."));
    panel.apply();
    QCOMPARE(applied.count(), 1); // nothing else was typed
}

void TestPromptControls::csvQuotes() {
    QCOMPARE(csvLine({QStringLiteral("a"), QStringLiteral("b,c"), QStringLiteral("d\"e"), QStringLiteral("\n")}),
             QStringLiteral("a,\"b,c\",\"d\"\"e\",\"\n\"\n"));
    QCOMPARE(csvNumber(0.25), QStringLiteral("0.25"));
}

void TestPromptControls::everythingHasAName() {
    Composer composer(themes_);
    SamplerPanel sampler(themes_);
    SystemPanel system(themes_);
    TranscriptHeader header(themes_);
    PrefillStrip strip(themes_);
    strip.setState({true, false, 1, 2, 3, 4, {}});
    for (QWidget* widget : QList<QWidget*>{&composer, &sampler, &system, &header, &strip}) {
        widget->show();
        for (QWidget* child : widget->findChildren<QWidget*>()) {
            const bool inner =
                qobject_cast<QLineEdit*>(child) != nullptr && child->parentWidget()->inherits("QAbstractSpinBox");
            if (child->focusPolicy() == Qt::NoFocus || child->isHidden() || inner ||
                child->inherits("QScrollArea") || child->inherits("QComboBoxPrivateContainer") ||
                child->inherits("QAbstractItemView")) {
                continue;
            }
            const auto* button = qobject_cast<QAbstractButton*>(child);
            const bool named =
                !child->accessibleName().isEmpty() || (button != nullptr && !button->text().isEmpty());
            QVERIFY2(named, qPrintable(QStringLiteral("%1 in %2 has no name")
                                           .arg(QLatin1String(child->metaObject()->className()),
                                                QLatin1String(widget->metaObject()->className()))));
        }
    }
}

QTEST_MAIN(TestPromptControls)
#include "test_prompt_controls.moc"
