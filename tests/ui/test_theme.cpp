// SPDX-License-Identifier: GPL-3.0-or-later
// Theme files: complete, readable by people (WCAG contrast), and switched while widgets live.
#include "core/base/error.h"
#include "ui/base/theme_manager.h"

#include <QDirIterator>
#include <QFile>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <QWidget>

using namespace fulgurite;

class TestTheme : public QObject {
    Q_OBJECT

  private slots:
    void textIsReadable_data();
    void textIsReadable();
    void marksStandOut_data();
    void marksStandOut();
    void incompleteFileIsNamed();
    void switchingRepaintsIcons();
    void fontsScaleAndKeepTokensApart();
    void everyIconDraws();
};

namespace {

void addModes() {
    QTest::addColumn<QString>("file");
    QTest::newRow("dark") << ":/fulgurite/themes/dark.json";
    QTest::newRow("light") << ":/fulgurite/themes/light.json";
}

void requireContrast(const Theme& theme, Role front, Role ground, double least) {
    const double found = contrastRatio(theme.color(front), theme.color(ground));
    QVERIFY2(found >= least, qPrintable(QStringLiteral("%1: %2 on %3 has contrast %4, below %5")
                                            .arg(theme.name(), roleName(front), roleName(ground))
                                            .arg(found)
                                            .arg(least)));
}

} // namespace

void TestTheme::textIsReadable_data() {
    addModes();
}

void TestTheme::textIsReadable() {
    QFETCH(QString, file);
    const Theme theme = Theme::load(file);
    for (Role ground : {Role::Background, Role::Panel, Role::Raised, Role::Selection, Role::NoticeGround}) {
        for (Role front : {Role::Text, Role::Muted})
            requireContrast(theme, front, ground, 4.5);
    }
    for (Role ground : {Role::Background, Role::Panel}) {
        for (Role front : {Role::Accent, Role::Good, Role::Bad, Role::Warn, Role::Focus, Role::Lightning,
                           Role::SyntaxKeyword, Role::SyntaxString, Role::SyntaxNumber, Role::SyntaxComment})
            requireContrast(theme, front, ground, 4.5);
    }
    requireContrast(theme, Role::OnAccent, Role::Accent, 4.5);
    requireContrast(theme, Role::OnAccent, Role::AccentHover, 4.5);
}

void TestTheme::marksStandOut_data() {
    addModes();
}

void TestTheme::marksStandOut() {
    QFETCH(QString, file);
    const Theme theme = Theme::load(file);
    for (Role front : {Role::Softmax, Role::Surprise, Role::Probability, Role::Positive, Role::Negative, Role::Run1,
                       Role::Run2, Role::Run3, Role::Weights})
        requireContrast(theme, front, Role::Panel, 3.0);
}

void TestTheme::incompleteFileIsNamed() {
    QTemporaryDir folder;
    const QString path = folder.filePath("broken.json");
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write(R"({"name": "broken", "colors": {"background": "#000000"}})");
    file.close();
    try {
        Theme::load(path);
        QFAIL("an incomplete theme was accepted");
    } catch (const Error& error) {
        QVERIFY(QString::fromUtf8(error.what()).contains(path));
        QVERIFY(QString::fromUtf8(error.what()).contains("panel"));
    }
}

void TestTheme::switchingRepaintsIcons() {
    ThemeManager themes;
    themes.setMode(ThemeMode::Dark);
    themes.apply();
    const QIcon icon = themes.icon("dot", Role::Text);
    const QColor before = icon.pixmap(24, 24).toImage().pixelColor(12, 12);
    QCOMPARE(before, themes.color(Role::Text));
    QSignalSpy changed(&themes, &ThemeManager::changed);
    themes.setMode(ThemeMode::Light);
    QCOMPARE(changed.count(), 1);
    QCOMPARE(icon.pixmap(24, 24).toImage().pixelColor(12, 12), themes.color(Role::Text));
    QVERIFY(themes.color(Role::Text) != before);
    QCOMPARE(QApplication::palette().color(QPalette::Window), themes.color(Role::Background));
    themes.setMode(ThemeMode::Light);
    QCOMPARE(changed.count(), 1);
}

void TestTheme::fontsScaleAndKeepTokensApart() {
    ThemeManager themes;
    QCOMPARE(themes.uiFont().pixelSize(), 13);
    themes.setFontScale(2.0);
    QCOMPARE(themes.uiFont().pixelSize(), 26);
    themes.setFontScale(9.0);
    QCOMPARE(themes.fontScale(), 2.0);
    const QFontMetricsF metrics(themes.codeFont());
    QVERIFY(metrics.horizontalAdvance("->") + 0.1 >= 2 * metrics.horizontalAdvance("-"));
}

void TestTheme::everyIconDraws() {
    ThemeManager themes;
    QDirIterator icons(":/fulgurite/icons");
    int count = 0;
    while (icons.hasNext()) {
        icons.next();
        const QImage image = themes.icon(icons.fileInfo().baseName(), Role::Text).pixmap(24, 24).toImage();
        bool drawn = false;
        for (int y = 0; y < image.height() && !drawn; ++y)
            for (int x = 0; x < image.width() && !drawn; ++x)
                drawn = image.pixelColor(x, y).alpha() > 100;
        QVERIFY2(drawn, qPrintable(icons.fileName()));
        ++count;
    }
    QVERIFY(count > 30);
}

QTEST_MAIN(TestTheme)
#include "test_theme.moc"
