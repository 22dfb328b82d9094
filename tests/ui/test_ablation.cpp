// SPDX-License-Identifier: GPL-3.0-or-later
// Aligning two answers, the figures beside them, and putting a recipe together.
#include "ui/charts/table_twin.h"
#include "ui/inspect/ablation_model.h"
#include "ui/inspect/recipe_editor.h"
#include "ui/inspect/token_alignment.h"

#include <QLineEdit>
#include <QPushButton>
#include <QRandomGenerator>
#include <QSignalSpy>
#include <QTest>

#include <cmath>

using namespace fulgurite;

namespace {

std::vector<int> letters(const QString& text) {
    std::vector<int> ids;
    for (const QChar letter : text) {
        ids.push_back(letter.unicode());
    }
    return ids;
}

// Length of the longest common subsequence, by the textbook table.
int longestCommon(const std::vector<int>& a, const std::vector<int>& b) {
    std::vector<std::vector<int>> best(a.size() + 1, std::vector<int>(b.size() + 1, 0));
    for (std::size_t i = 1; i <= a.size(); ++i) {
        for (std::size_t j = 1; j <= b.size(); ++j) {
            best[i][j] = a[i - 1] == b[j - 1] ? best[i - 1][j - 1] + 1 : std::max(best[i - 1][j], best[i][j - 1]);
        }
    }
    return best[a.size()][b.size()];
}

// Every token of both answers exactly once and in order; pairs are equal.
void checkAlignment(const std::vector<int>& a, const std::vector<int>& b, int common) {
    int next_a = 0;
    int next_b = 0;
    int pairs = 0;
    for (const AlignedTokens& row : alignTokens(a, b)) {
        if (row.original >= 0) {
            QCOMPARE(row.original, next_a++);
        }
        if (row.changed >= 0) {
            QCOMPARE(row.changed, next_b++);
        }
        if (row.both()) {
            QCOMPARE(a[static_cast<std::size_t>(row.original)], b[static_cast<std::size_t>(row.changed)]);
            ++pairs;
        }
    }
    QCOMPARE(next_a, static_cast<int>(a.size()));
    QCOMPARE(next_b, static_cast<int>(b.size()));
    QCOMPARE(pairs, common);
}

} // namespace

class TestAblation : public QObject {
    Q_OBJECT

  private slots:
    void alignmentKeepsAsMuchAsCanBe() {
        checkAlignment(letters("ABCABBA"), letters("CBABAC"), 4);
        checkAlignment(letters(""), letters("xy"), 0);
        checkAlignment(letters("xy"), letters(""), 0);
        checkAlignment(letters("same"), letters("same"), 4);
        QRandomGenerator random(7);
        for (int round = 0; round < 300; ++round) {
            std::vector<int> a;
            std::vector<int> b;
            for (int i = random.bounded(40); i > 0; --i) {
                a.push_back(random.bounded(4));
            }
            for (int i = random.bounded(40); i > 0; --i) {
                b.push_back(random.bounded(4));
            }
            checkAlignment(a, b, longestCommon(a, b));
        }
    }

    void answersWithNothingInCommonStayCheap() {
        std::vector<int> a(8000, 1);
        std::vector<int> b(8000, 2);
        a.front() = b.front() = 3;
        checkAlignment(a, b, 1);
    }

    void figuresStandBesideTheirTokens() {
        auto result = std::make_shared<AblationResult>();
        result->first = 10;
        for (const int id : {5, 6, 7}) {
            capture::CapturedToken token;
            token.id = id;
            token.text = std::string(1, static_cast<char>('a' + id));
            result->original.push_back(token);
        }
        result->judged.first = 11; // the first token was not judged
        result->judged.logprob = {-0.5f, -1.0f};
        result->judged.changed = {-2.0f, -0.75f};
        result->judged.kl = {0.4f, 0.1f};
        result->judged.best = {6, 7};
        result->judged.best_changed = {9, 7};
        TokenInfo changed;
        changed.id = 5;
        changed.text = "f";
        result->changed = {changed};
        result->align();
        AblationModel model;
        model.setResult(result);
        QCOMPARE(model.rowCount(), 3);
        const auto text = [&](int row, int column) { return model.index(row, column).data().toString(); };
        QCOMPARE(text(0, AblationModel::kPosition), QString("10"));
        QCOMPARE(text(0, AblationModel::kKl), QString());
        QCOMPARE(text(0, AblationModel::kRegenerated), QString("f"));
        QCOMPARE(text(1, AblationModel::kOriginal), QString("g"));
        QCOMPARE(text(1, AblationModel::kLogprob), QStringLiteral("−0.500"));
        QCOMPARE(text(1, AblationModel::kDelta), QString("−1.50"));
        QCOMPARE(text(1, AblationModel::kBest), QString("#6 → #9"));
        QCOMPARE(text(2, AblationModel::kBest), QString("#7"));
        QCOMPARE(model.rowOfPosition(12), 2);
        QCOMPARE(model.rowOfPosition(13), -1);
        const QStringList lines = twinAsCsv(model.twin()).split(u'\n');
        QVERIFY(lines[0].startsWith("position,token,logprob"));
        QVERIFY2(lines[2].startsWith("11,g,-0.5,-2"), qPrintable(lines[2]));
    }

    void aRecipeIsPutTogether() {
        RecipeEditor editor;
        editor.setShape(8, 6, 8);
        QSignalSpy changed(&editor, &RecipeEditor::changed);
        editor.setTickedHeads({{7, 3}, {2, 1}});
        auto* field = editor.findChild<QLineEdit*>();
        const auto type = [&](const QString& text) {
            field->setText(text);
            QTest::keyClick(field, Qt::Key_Return);
        };
        type("expert 2:4");
        type("layer 5 attention");
        type("6:0");
        QVERIFY(changed.count() >= 4);
        InterventionRecipe recipe = editor.recipe();
        QCOMPARE(recipe.intervention.heads, (std::vector<HeadScale>{{7, 3, 0}, {2, 1, 0}, {6, 0, 0}}));
        QCOMPARE(recipe.intervention.experts, (std::vector<ExpertRef>{{2, 4}}));
        QCOMPARE(recipe.intervention.layers, (std::vector<LayerAblation>{{5, BlockPart::Attention}}));
        for (const char* wrong : {"head 8:0", "head 0:6", "expert 0:8", "layer 8", "head 3", "nonsense"}) {
            type(wrong);
            QCOMPARE(field->text(), QString(wrong)); // stays to be mended
        }
        QCOMPARE(editor.recipe(), recipe);

        recipe.name = "kept";
        recipe.from_answer = true;
        editor.setRecipe(recipe);
        QCOMPARE(editor.recipe(), recipe);
        recipe.from_answer = false;
        recipe.intervention.from = 77;
        editor.setRecipe(recipe);
        QCOMPARE(editor.recipe(), recipe);

        RecipeEditor other;
        editor.restoreSaved({});
        QTest::keyClick(editor.findChildren<QLineEdit*>().last(), Qt::Key_Return); // the name: keeps it
        other.restoreSaved(editor.savedJson());
        QCOMPARE(other.saved().size(), std::size_t(1));
        QCOMPARE(other.saved().at("kept"), recipe);
    }
};

QTEST_MAIN(TestAblation)
#include "test_ablation.moc"
