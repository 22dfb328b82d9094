// SPDX-License-Identifier: GPL-3.0-or-later
// The first view: model facts come from files alone, and samples are what the card shows.
#include "ui/base/notices.h"
#include "ui/base/settings.h"
#include "ui/base/theme_manager.h"
#include "ui/engine/engine_link.h"
#include "ui/engine/local_engine.h"
#include "ui/shell/action_registry.h"
#include "ui/shell/handoff.h"
#include "ui/shell/status_model.h"
#include "ui/start/model_facts.h"
#include "ui/start/model_panel.h"
#include "ui/start/start_view.h"

#include <QAbstractButton>
#include <QDir>
#include <QFile>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <QtEndian>

#include <sys/stat.h>

using namespace fulgurite;

class TestStart : public QObject {
    Q_OBJECT

  private slots:
    void factsAreReadFromFiles();
    void missingFilesGiveNoFacts();
    void theModelIsReadBesideTheWindow();
    void headlinesShowDifferentThings();
    void samplesAreOfferedAndPicked();
};

namespace {

void write(const QString& path, const QByteArray& content) {
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write(content);
}

QString settingsFile(const QString& folder) {
    return folder + "/settings.ini";
}

// The view with everything that it stands on.
struct Shown {
    explicit Shown(const QString& folder) : settings(settingsFile(folder)), paths(Paths::inside(folder)) {
        view.resize(1100, 740);
        view.show();
    }

    ThemeManager themes;
    Settings settings;
    ActionRegistry actions{settings, themes};
    Notices notices;
    StatusModel status;
    const Paths paths;
    LocalEngine engine{settings, paths};
    EngineLink link{engine};
    Handoff handoff;
    StartView view{{themes, settings, actions, notices, status, engine, link, handoff, paths}};
};

} // namespace

void TestStart::factsAreReadFromFiles() {
    QTemporaryDir folder;
    write(folder.filePath("config.json"),
          R"({"attn_type_list": [0, 0, 1], "num_local_experts": 8, "num_experts_per_tok": 2})");
    QByteArray header = R"({"__metadata__": {"format": "pt"}, "a": {"dtype": "F32", "shape": [3, 4],
                            "data_offsets": [0, 48]}, "b": {"dtype": "F32", "shape": [5], "data_offsets": [48, 68]}})";
    QByteArray length(8, 0);
    qToLittleEndian<quint64>(static_cast<quint64>(header.size()), length.data());
    write(folder.filePath("model.safetensors"), length + header + QByteArray(68, 0));
    write(folder.filePath("MODEL_CARD.md"),
          "# ember\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n| task | correct | n | share |\n"
          "|---|---|---|---|\n| addition | 97 | 100 | 97 % |\n\n| later | 1 | 1 | 1 |\n");
    const ModelFacts facts = readModelFacts(folder.path());
    QVERIFY(facts.valid());
    QCOMPARE(facts.softmax, (QList<bool>{false, false, true}));
    QCOMPARE(facts.parameters, 17);
    QCOMPARE(facts.experts, 8);
    QCOMPARE(facts.scores.size(), 1);
    QCOMPARE(facts.scores.first().share(), 0.97);
    QVERIFY(facts.card.endsWith("MODEL_CARD.md"));
}

void TestStart::missingFilesGiveNoFacts() {
    QTemporaryDir folder;
    QVERIFY(!readModelFacts(folder.path()).valid());
    QVERIFY(!readModelFacts(QString()).valid());
    write(folder.filePath("model.safetensors"), QByteArray(8, '\xff')); // a header of 2^64 - 1 bytes
    QCOMPARE(readModelFacts(folder.path()).parameters, 0);
    // More parameters than a number holds, and fewer than none.
    for (const char* shape : {"[4294967296, 4294967296]", "[-3, 5]"}) {
        const QByteArray header = QByteArray(R"({"a": {"dtype": "F32", "shape": )") + shape + "}}";
        QByteArray length(8, 0);
        qToLittleEndian<quint64>(static_cast<quint64>(header.size()), length.data());
        write(folder.filePath("model.safetensors"), length + header);
        QCOMPARE(readModelFacts(folder.path()).parameters, 0);
    }
}

// Its files may lie far away: the window is there before they have been read.
void TestStart::theModelIsReadBesideTheWindow() {
    QTemporaryDir folder;
    const QString model = folder.filePath("slow");
    QVERIFY(QDir().mkpath(model));
    const QString config = model + "/config.json";
    QCOMPARE(::mkfifo(QFile::encodeName(config).constData(), 0600), 0); // who reads it waits for who writes it
    Settings(settingsFile(folder.path())).set(keys::kModelFolder, model);
    const Shown shown(folder.path());
    const auto* panel = shown.view.findChild<ModelPanel*>();
    QVERIFY(panel);
    QVERIFY(!panel->isVisible());
    write(config, R"({"attn_type_list": [0, 1]})");
    QTRY_VERIFY_WITH_TIMEOUT(panel->isVisible(), 10000);
}

void TestStart::headlinesShowDifferentThings() {
    const QList<ModelScore> scores{{"addition to 3 digits", 1, 1},
                                   {"recall, 64-256 tokens", 1, 1},
                                   {"recall, 2,048-4,096 tokens", 1, 1},
                                   {"sorting 3-10 numbers", 1, 1}};
    const QList<ModelScore> picked = headlineScores(scores, 3);
    QCOMPARE(picked.size(), 3);
    QCOMPARE(picked[1].task, QString("sorting 3-10 numbers"));
    QCOMPARE(picked[2].task, QString("recall, 2,048-4,096 tokens"));
}

void TestStart::samplesAreOfferedAndPicked() {
    QTemporaryDir folder;
    Shown shown(folder.path());
    QSignalSpy picked(&shown.view, &StartView::samplePicked);
    QStringList prompts;
    for (const QString& id : shown.actions.ids()) {
        if (!id.startsWith("start.sample."))
            continue;
        shown.actions.action(id)->trigger();
        prompts << picked.last().first().value<SamplePrompt>().prompt;
    }
    QCOMPARE(prompts.size(), 3);
    QVERIFY(prompts.contains("What is 17+58?"));
    for (QAbstractButton* button : shown.view.findChildren<QAbstractButton*>())
        QVERIFY(!button->accessibleName().isEmpty() || !button->text().isEmpty());
    if (qEnvironmentVariableIsSet("FULGURITE_TEST_PICTURES"))
        shown.view.grab().save(qEnvironmentVariable("FULGURITE_TEST_PICTURES") + "/start.png");
}

QTEST_MAIN(TestStart)
#include "test_start.moc"
