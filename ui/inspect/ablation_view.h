// SPDX-License-Identifier: GPL-3.0-or-later
// Ablate and regenerate: a recipe at the left, and at the right what it does to the open capture's answer, token by
// token, with the answer that the changed model gives instead.
#pragma once

#include "core/client/engine_types.h"
#include "ui/inspect/ablation_model.h"
#include "ui/inspect/inspect_view.h"

class QTableView;

namespace fulgurite {

class AblationPlot;
class AblationRun;
class RecipeEditor;

class AblationView : public InspectView {
    Q_OBJECT

  public:
    explicit AblationView(const InspectServices& services);
    ~AblationView() override;

    RecipeEditor& editor() { return *editor_; }
    AblationModel& model() { return *model_; }
    bool running() const { return run_ != nullptr; }
    // The open capture is of an answer of this session: how it was made, and that it can become a branch. Forgotten
    // with the source.
    void setOrigin(const client::Sampling& sampling);
    QJsonObject saveState() const override;
    void restoreState(const QJsonObject& state) override;

  public slots:
    void start();
    void cancel();

  signals:
    // The person wants the answer as a branch of its conversation.
    void branchWanted(const fulgurite::InterventionRecipe& recipe);
    void finished(); // a run has come to its end

  protected:
    void sourceChanged() override;
    void decayChanged() override;
    void selectionChanged(const InspectState& now, const InspectState& before) override;

  private:
    QWidget* makeRecipeSide();
    QWidget* makeResultSide();
    void takeText(const std::vector<capture::CapturedToken>& text);
    void showResult();
    void showSummary();
    void updateButtons();
    QString whyNot() const; // the run cannot be started; empty: it can
    void choose(std::size_t position);

    RecipeEditor* editor_;
    AblationModel* model_;
    AblationPlot* plot_ = nullptr;
    QTableView* table_ = nullptr;
    QLabel* reason_ = nullptr;
    QLabel* summary_ = nullptr;
    QPushButton* start_ = nullptr;
    QPushButton* cancel_ = nullptr;
    QPushButton* branch_ = nullptr;
    std::unique_ptr<AblationRun> run_;
    QString problem_; // of the last run
    Question text_asked_ = 0;
    std::vector<capture::CapturedToken> text_;
    std::size_t answer_first_ = 0;
    std::optional<client::Sampling> sampling_; // of the answer, where it is known
    bool following_ = false;
};

} // namespace fulgurite
